<?php

declare(strict_types=1);

namespace Tidegate\Tests;

/**
 * A PHP-FPM of our own, and a FastCGI client for it.
 */
final class Fpm
{
    private const BEGIN = 1;
    private const END = 3;
    private const PARAMS = 4;
    private const STDIN = 5;
    private const STDOUT = 6;
    private const STDERR = 7;
    private const RESPONDER = 1;
    private const TIMEOUT_S = 60;

    private Program $program;
    private string $folder;
    private bool $isStopped = false;

    /**
     * @param array<string, mixed> $options of the client
     * @param array<string, string> $pool lines of the pool that differ from the example's
     * @param list<string> $settings of PHP
     */
    public function __construct(string $key, array $options, array $pool = [], array $settings = ['ffi.enable=true'])
    {
        $this->folder = sys_get_temp_dir() . '/tidegate-fpm-' . bin2hex(random_bytes(8));
        mkdir($this->folder);
        $config = file_get_contents(LocalServer::root() . '/examples/php/fpm.conf');
        foreach ($pool + ['catch_workers_output' => 'no'] as $name => $value) {
            $line = '/^' . preg_quote($name) . ' = .*$/m';
            $config = preg_replace($line, "$name = $value", $config, count: $count);
            if ($count !== 1) {
                throw new \LogicException("no $name in fpm.conf");
            }
        }
        file_put_contents("$this->folder/fpm.conf", $config);
        $command = [self::binary(), '-R', '-F', '-y', "$this->folder/fpm.conf"];
        foreach (['log_errors=0', ...$settings] as $setting) {
            array_push($command, '-d', $setting);
        }
        $this->program = new Program(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...$command], [
            // For ffi.preload, which looks where the system does.
            'LD_LIBRARY_PATH' => LocalServer::target(),
            'LISTEN' => "$this->folder/socket",
            'TIDEGATE_KEY' => $key,
            'TIDEGATE_OPTIONS' => json_encode($options, JSON_THROW_ON_ERROR),
        ]);
        do {
            $line = $this->program->line();
        } while (!str_contains($line, 'ready to handle connections'));
    }

    /**
     * Stops it and waits until every worker has ended.
     */
    public function stop(): void
    {
        posix_kill($this->program->pid, SIGQUIT);
        $this->program->finish();
        $this->isStopped = true;
    }

    /**
     * A test that fails leaves no worker behind: they end with the master if that is told to.
     */
    public function __destruct()
    {
        if (!$this->isStopped) {
            $this->kill();
        }
        unset($this->program);
        exec('rm -r ' . escapeshellarg($this->folder));
    }

    private function kill(): void
    {
        $children = @file_get_contents("/proc/{$this->program->pid}/task/{$this->program->pid}/children");
        foreach (array_filter(explode(' ', (string) $children)) as $child) {
            posix_kill((int) $child, SIGKILL);
        }
    }

    /**
     * Asks for a page and returns what it says, as JSON.
     *
     * @param array<string, string> $query
     * @return array<string, mixed>
     */
    public function get(string $script, array $query = []): array
    {
        return $this->read($this->ask($script, $query));
    }

    /**
     * Asks for so many pages at once.
     *
     * @param array<string, string> $query
     * @return list<array<string, mixed>>
     */
    public function getMany(int $count, string $script, array $query = []): array
    {
        $streams = [];
        for ($number = 0; $number < $count; $number++) {
            $streams[] = $this->ask($script, $query);
        }
        return array_map($this->read(...), $streams);
    }

    private static function binary(): string
    {
        $version = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
        foreach (["/usr/sbin/php-fpm$version", '/usr/sbin/php-fpm', '/usr/local/sbin/php-fpm'] as $file) {
            if (is_executable($file)) {
                return $file;
            }
        }
        throw new \RuntimeException("php-fpm $version is missing");
    }

    /**
     * @param array<string, string> $query
     * @return resource
     */
    private function ask(string $script, array $query)
    {
        $stream = stream_socket_client("unix://$this->folder/socket", timeout: self::TIMEOUT_S);
        stream_set_timeout($stream, self::TIMEOUT_S);
        $search = http_build_query($query);
        $params = [
            'SCRIPT_FILENAME' => $script, 'REQUEST_METHOD' => 'GET', 'QUERY_STRING' => $search,
            'REQUEST_URI' => '/' . basename($script) . "?$search", 'SERVER_PROTOCOL' => 'HTTP/1.1',
            'REMOTE_ADDR' => '127.0.0.1', 'HTTP_USER_AGENT' => 'test',
        ];
        $pairs = '';
        foreach ($params as $name => $value) {
            $pairs .= pack('NN', strlen($name) | 1 << 31, strlen($value) | 1 << 31) . $name . $value;
        }
        fwrite($stream, self::record(self::BEGIN, pack('nCx5', self::RESPONDER, 0))
            . self::record(self::PARAMS, $pairs) . self::record(self::PARAMS, '')
            . self::record(self::STDIN, ''));
        return $stream;
    }

    private static function record(int $type, string $content): string
    {
        return pack('CCnnCx', 1, $type, 1, strlen($content), 0) . $content;
    }

    /**
     * @param resource $stream
     * @return array<string, mixed>
     */
    private function read($stream): array
    {
        $said = [self::STDOUT => '', self::STDERR => ''];
        do {
            $header = self::bytes($stream, 8);
            ['type' => $type, 'length' => $length, 'padding' => $padding] = unpack(
                'Cversion/Ctype/nid/nlength/Cpadding',
                $header,
            );
            $content = self::bytes($stream, $length);
            self::bytes($stream, $padding);
            if (isset($said[$type])) {
                $said[$type] .= $content;
            }
        } while ($type !== self::END);
        fclose($stream);
        [$head, $body] = explode("\r\n\r\n", $said[self::STDOUT], 2) + [1 => ''];
        try {
            return json_decode($body, true, 512, JSON_THROW_ON_ERROR);
        } catch (\JsonException) {
            throw new \RuntimeException("$head\n$body\n{$said[self::STDERR]}");
        }
    }

    /**
     * @param resource $stream
     */
    private static function bytes($stream, int $count): string
    {
        $bytes = '';
        while (strlen($bytes) < $count) {
            $more = fread($stream, $count - strlen($bytes));
            if ($more === false || $more === '') {
                throw new \RuntimeException('the worker gives no answer');
            }
            $bytes .= $more;
        }
        return $bytes;
    }
}
