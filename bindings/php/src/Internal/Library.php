<?php

declare(strict_types=1);

namespace Tidegate\Internal;

use FFI;
use Tidegate\Exception\LibraryException;

/**
 * Finds and loads the shared library.
 *
 * @internal
 */
final class Library
{
    public const ABI_MAJOR = 1;
    public const ABI_MINOR = 0;

    private const FOLDER = __DIR__ . '/../../lib';
    private const HEADER = __DIR__ . '/../tidegate.h';
    private const SCOPE = 'TIDEGATE';

    private static ?FFI $ffi = null;
    private static ?string $path = null;

    /**
     * The functions of the library, by their C names.
     */
    public static function ffi(): FFI
    {
        return self::$ffi ?? self::load(null);
    }

    /**
     * Where the library came from; null if it was preloaded.
     */
    public static function path(): ?string
    {
        self::ffi();
        return self::$path;
    }

    /**
     * @param string|null $path null to look where the package looks by itself
     */
    public static function load(?string $path): FFI
    {
        if (self::$ffi === null) {
            if (!extension_loaded('ffi')) {
                throw new LibraryException('PHP was started without its extension "ffi"');
            }
            self::$ffi = ($path === null ? self::preloaded() : null) ?? self::openFirst($path);
        } elseif ($path !== null && self::isOther($path)) {
            $loaded = self::$path ?? 'the preloaded library';
            throw new LibraryException("cannot load $path: $loaded is loaded already");
        }
        return self::$ffi;
    }

    /**
     * In a preload file: loads the library for every request of every worker, if PHP lets it. With
     * opcache.preload_user it does not, and each request reads the declarations.
     */
    public static function preload(): void
    {
        self::$ffi = self::openFirst(null);
        try {
            // Its name finds the library just opened, wherever that was: it is never unmapped.
            FFI::load(self::HEADER);
        } catch (FFI\Exception $exception) {
            if (!str_contains($exception->getMessage(), 'preload_user')) {
                throw new LibraryException('cannot preload the library: ' . $exception->getMessage());
            }
        }
    }

    private static function isOther(string $path): bool
    {
        return self::$path === null || (realpath($path) ?: $path) !== (realpath(self::$path) ?: self::$path);
    }

    private static function preloaded(): ?FFI
    {
        try {
            $ffi = FFI::scope(self::SCOPE);
        } catch (FFI\Exception $exception) {
            self::refuseRestriction($exception);
            return null;
        }
        self::compareAbi($ffi->tidegate_abi_version(), 'the preloaded library');
        return $ffi;
    }

    private static function openFirst(?string $path): FFI
    {
        $tried = [];
        $loader = self::loader();
        foreach (self::candidates($path) as $candidate) {
            try {
                $probe = FFI::cdef('uint32_t tidegate_abi_version(void);', $candidate);
            } catch (FFI\Exception $exception) {
                self::refuseRestriction($exception);
                if (str_contains($exception->getMessage(), 'tidegate_abi_version')) {
                    throw new LibraryException("$candidate is not the Tidegate library");
                }
                $tried[] = "  $candidate: " . self::reason($exception, $loader);
                continue;
            }
            self::compareAbi($probe->tidegate_abi_version(), $candidate);
            return self::bind($candidate);
        }
        throw new LibraryException(
            "the Tidegate library was not found. Set TIDEGATE_LIBRARY to its path, call "
            . 'Tidegate::loadLibrary($path), or put it into ' . self::folder() . ". Tried:\n"
            . implode("\n", $tried)
        );
    }

    /**
     * @return list<string>
     */
    private static function candidates(?string $path): array
    {
        $chosen = $path ?? (getenv('TIDEGATE_LIBRARY') ?: '');
        if ($chosen !== '') {
            // Somebody's choice: nothing else will do.
            return [$chosen];
        }
        $files = match (PHP_OS_FAMILY) {
            'Darwin' => ['libtidegate.dylib'],
            'Windows' => ['tidegate.dll'],
            default => ['libtidegate.so', 'libtidegate.so.' . self::ABI_MAJOR],
        };
        $folder = self::folder();
        return [...array_map(fn (string $file): string => "$folder/$file", $files), ...$files];
    }

    private static function folder(): string
    {
        return realpath(self::FOLDER) ?: dirname(__DIR__, 2) . '/lib';
    }

    private static function bind(string $path): FFI
    {
        $header = file_get_contents(self::HEADER);
        // The lines before are for ffi.preload and FFI::load.
        $declarations = substr($header, strpos($header, '/*'));
        try {
            $ffi = FFI::cdef($declarations, $path);
        } catch (FFI\Exception $exception) {
            throw new LibraryException("$path: " . $exception->getMessage());
        }
        self::$path = $path;
        return $ffi;
    }

    private static function compareAbi(int $version, string $path): void
    {
        [$major, $minor] = [$version >> 16, $version & 0xFFFF];
        if ($major !== self::ABI_MAJOR || $minor < self::ABI_MINOR) {
            $wanted = self::ABI_MAJOR . '.' . self::ABI_MINOR;
            throw new LibraryException("$path has ABI $major.$minor, this package needs $wanted");
        }
    }

    /**
     * The system's loader, which knows why something failed. Looking it up makes it forget.
     */
    private static function loader(): ?FFI
    {
        try {
            return FFI::cdef('char *dlerror(void);');
        } catch (FFI\Exception) {
            return null;
        }
    }

    private static function reason(FFI\Exception $exception, ?FFI $loader): string
    {
        $reason = $loader?->dlerror();
        return $reason === null ? $exception->getMessage() : FFI::string($reason);
    }

    /**
     * Outside of the command line, PHP has to allow it.
     */
    private static function refuseRestriction(FFI\Exception $exception): void
    {
        if (str_contains($exception->getMessage(), 'restricted')) {
            throw new LibraryException(
                'PHP does not allow FFI here: set "ffi.enable = true" in php.ini, or preload the '
                . "package: opcache.preload = " . dirname(__DIR__, 2) . '/preload.php'
            );
        }
    }
}
