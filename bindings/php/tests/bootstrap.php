<?php

declare(strict_types=1);

use Tidegate\Tests\LocalServer;

require __DIR__ . '/../autoload.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Tidegate\\Tests\\')) {
        require __DIR__ . '/' . substr($class, strlen('Tidegate\\Tests\\')) . '.php';
    }
});

if ((string) getenv('TIDEGATE_LIBRARY') === '') {
    putenv('TIDEGATE_LIBRARY=' . LocalServer::library());
}
