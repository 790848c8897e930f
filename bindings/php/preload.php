<?php

declare(strict_types=1);

// For php.ini or a pool of PHP-FPM:
//
//     opcache.preload = /path/to/vendor/tidegate/tidegate/preload.php
//
// Loads the library and reads its declarations once, before the workers are forked, and keeps the
// package's classes in memory. With it, the default "ffi.enable = preload" is enough.

require_once __DIR__ . '/autoload.php';

(static function (): void {
    $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator(__DIR__ . '/src'));
    foreach ($files as $file) {
        if ($file->getExtension() === 'php') {
            require_once $file->getPathname();
        }
    }
    Tidegate\Internal\Library::preload();
})();
