<?php

declare(strict_types=1);

namespace Tidegate\Tests;

/**
 * A child process. It is killed with the object, and nothing waits for it without end.
 */
final class Program
{
    private const TIMEOUT_S = 60;

    public readonly int $pid;

    /** @var resource */
    private $process;

    /** @var array<int, resource> */
    private array $pipes = [];

    private string $output = '';

    /**
     * @param list<string> $command
     * @param array<string, string> $environment besides our own
     */
    public function __construct(array $command, array $environment = [], ?string $folder = null)
    {
        $streams = [['pipe', 'r'], ['pipe', 'w'], STDERR];
        $environment += getenv();
        $this->process = proc_open($command, $streams, $this->pipes, $folder, $environment);
        $this->pid = proc_get_status($this->process)['pid'];
        stream_set_blocking($this->pipes[1], false);
    }

    /**
     * Runs a program to its end and returns what it printed, errors included.
     *
     * @param list<string> $command
     * @param array<string, string> $environment
     */
    public static function run(array $command, array $environment = [], ?int &$status = null): string
    {
        $program = new self(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...$command], $environment);
        return $program->finish($status);
    }

    /**
     * Runs a PHP program that has this package.
     *
     * @param array<string, string> $environment
     */
    public static function php(string $code, array $environment = [], ?int &$status = null): string
    {
        $autoload = var_export(dirname(__DIR__) . '/autoload.php', true);
        $command = [PHP_BINARY, '-d', 'display_errors=stderr', '-d', 'log_errors=0', '-r'];
        return self::run([...$command, "require $autoload; $code"], $environment, $status);
    }

    /**
     * The next line of its output.
     */
    public function line(): string
    {
        while (($end = strpos($this->output, "\n")) === false) {
            $this->read();
        }
        $line = substr($this->output, 0, $end);
        $this->output = substr($this->output, $end + 1);
        return $line;
    }

    /**
     * The rest of its output, when it has ended.
     */
    public function finish(?int &$status = null): string
    {
        fclose($this->pipes[0]);
        while (!feof($this->pipes[1])) {
            $this->read();
        }
        fclose($this->pipes[1]);
        $status = proc_close($this->process);
        return $this->output;
    }

    public function __destruct()
    {
        if (is_resource($this->process)) {
            // With its pipe closed, a server ends by itself; whoever does not is made to.
            fclose($this->pipes[0]);
            proc_terminate($this->process, SIGKILL);
            proc_close($this->process);
        }
    }

    private function read(): void
    {
        [$read, $write, $except] = [[$this->pipes[1]], null, null];
        if (stream_select($read, $write, $except, self::TIMEOUT_S) !== 1) {
            throw new \RuntimeException('the program says nothing');
        }
        $bytes = fread($this->pipes[1], 65536);
        if (($bytes === '' || $bytes === false) && feof($this->pipes[1])) {
            if (is_resource($this->pipes[0])) {
                throw new \RuntimeException("the program has ended: $this->output");
            }
            return;
        }
        $this->output .= $bytes;
    }
}
