# The PHP package: style, syntax, and everything else in PHPUnit.

SUITES += test-php
LEAKS += leaks-php
BINDING_BENCHES += bench-php
PHP ?= php

## make test-php              the PHP package: cases, forks, PHP-FPM, leaks, its README and example
.PHONY: test-php
test-php: debug-library
	@$(NEED) php=php-cli phpunit=phpunit phpcs=php-codesniffer composer=composer cc=gcc \
	    '/usr/sbin/php-fpm8.*=php-fpm' setpriv=util-linux
	@for file in $$(find bindings/php examples/php -name '*.php'); do \
	    $(PHP) -d zend.assertions=-1 -l $$file >/dev/null || exit 1; done
	phpcs -q --standard=PSR12 bindings/php examples/php
	cd bindings/php && COMPOSER_ALLOW_SUPERUSER=1 composer --no-interaction validate --strict
	cd bindings/php && timeout 900 phpunit --log-junit $(CURDIR)/$(DEBUG)/php-tests.xml
	@echo "PHP: $$(sed -n 's/.*<testsuite name="tidegate" tests="\([0-9]*\)".*/\1/p' \
	    $(DEBUG)/php-tests.xml) tests, $$(cat tests/cases/COUNT) conformance cases"

## make leaks-php             a million calls of each kind from PHP: memory stays flat
.PHONY: leaks-php
leaks-php: quick-library
	@$(NEED) php=php-cli phpunit=phpunit
	cd bindings/php && TIDEGATE_PROFILE=quick TIDEGATE_LEAK_CALLS=1000000 \
	    timeout 7200 phpunit tests/LeakTest.php

.PHONY: bench-php
bench-php: library
	@$(NEED) php=php-cli
	TIDEGATE_LIBRARY=$(CURDIR)/$(LIBRARY) $(PHP) bindings/php/bench.php
