<?php

declare(strict_types=1);

namespace Tidegate\Client;

use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\TimeoutException;
use Tidegate\Internal\Call;
use Tidegate\Internal\Json;
use Tidegate\Kind;

/**
 * The rules in use, and the client's health.
 *
 * @internal
 */
trait Rules
{
    /**
     * Fetches rules and id lists now.
     *
     * @throws TimeoutException when the time is over
     */
    public function syncNow(float $timeout = 10.0): void
    {
        $status = $this->ffi->tidegate_client_sync_now($this->id, Call::milliseconds($timeout));
        $this->dispatch();
        Call::check($status);
    }

    /**
     * Pauses (false) or resumes the regular fetching of rules.
     */
    public function setPolling(bool $isOn): void
    {
        Call::check($this->ffi->tidegate_client_set_polling($this->id, (int) $isOn));
    }

    /**
     * Replaces the rules with some that you got by other means.
     *
     * @param array<string, mixed>|string $specs JSON, or what would become it
     * @throws ArgumentException if they are older than those in use, or not meant for this key
     */
    public function updateSpecs(array|string $specs): void
    {
        $json = Json::object($specs, 'specs');
        Call::check($this->ffi->tidegate_client_update_specs($this->id, $json, strlen($json)));
        $this->dispatch();
    }

    /**
     * Replaces the environment, `tier` included, from here on; an empty one leaves it to the users
     * and the rules.
     *
     * @param array<string, string> $environment
     */
    public function setEnvironment(array $environment): void
    {
        $json = Json::object($environment, 'environment');
        Call::check($this->ffi->tidegate_client_set_environment($this->id, $json, strlen($json)));
    }

    /**
     * The rules in use, as received; null if there are none.
     */
    public function specs(): ?string
    {
        $out = Call::buffer();
        return Call::text($this->ffi->tidegate_client_get_specs($this->id, $out), $out);
    }

    /**
     * The client's health: last sync, queues, counters, threads, forks.
     *
     * @return array<string, mixed>
     */
    public function stats(): array
    {
        $out = Call::buffer();
        return Call::json($this->ffi->tidegate_client_stats($this->id, $out), $out);
    }

    /**
     * The names of one kind, or those of all kinds by kind.
     *
     * @return list<string>|array<string, list<string>>
     */
    public function listEntities(Kind|string|null $kind = null): array
    {
        $number = $kind === null ? 0 : Kind::parse($kind)->value;
        $out = Call::buffer();
        return Call::json($this->ffi->tidegate_list_entities($this->id, $number, $out), $out);
    }
}
