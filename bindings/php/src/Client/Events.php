<?php

declare(strict_types=1);

namespace Tidegate\Client;

use Tidegate\Internal\Call;
use Tidegate\Internal\Json;
use Tidegate\Kind;
use Tidegate\Result;
use Tidegate\User;

/**
 * Custom events and manual exposures.
 *
 * @internal
 */
trait Events
{
    /**
     * Logs a custom event.
     *
     * @param User|array<string, mixed>|string $user
     * @param array<string, mixed>|null $metadata
     */
    public function logEvent(
        User|array|string $user,
        string $name,
        string|int|float|null $value = null,
        ?array $metadata = null,
    ): void {
        $user = User::from($user);
        $number = null;
        if (is_int($value) || is_float($value)) {
            $number = Call::out('double');
            $number[0] = $value;
            $value = null;
        }
        $metadata = $metadata === null ? null : Json::object($metadata, 'metadata');
        Call::check($this->ffi->tidegate_log_event(
            $this->id,
            $user->id,
            $name,
            strlen($name),
            $number,
            $value,
            Call::length($value),
            $metadata,
            Call::length($metadata),
        ));
    }

    /**
     * Logs events that hold their users.
     *
     * @param list<array<string, mixed>>|string $events each
     *   `['user' => [...], 'event_name' => ..., 'value' => ..., 'metadata' => [...], 'time' => ms]`
     */
    public function logEvents(array|string $events): void
    {
        if (is_array($events)) {
            $events = array_map(self::event(...), array_values($events));
        }
        $json = Json::list($events, 'events');
        Call::check($this->ffi->tidegate_log_event_json($this->id, $json, strlen($json)));
    }

    /**
     * Evaluates, and logs the exposure as a manual one.
     *
     * @param User|array<string, mixed>|string $user
     * @param string|null $parameter that of a layer
     */
    public function logExposure(
        User|array|string $user,
        Kind|string $kind,
        string $name,
        ?string $parameter = null,
    ): void {
        $user = User::from($user);
        Call::check($this->ffi->tidegate_log_exposure(
            $this->id,
            $user->id,
            Kind::parse($kind)->value,
            $name,
            strlen($name),
            $parameter,
            Call::length($parameter),
        ));
    }

    /**
     * Logs the manual exposure of a result that was taken without one.
     *
     * @param string|null $parameter that of a layer
     */
    public function logExposureFor(Result $result, ?string $parameter = null): void
    {
        Call::check($this->ffi->tidegate_log_exposure_for_result(
            $this->id,
            $result->id,
            $parameter,
            Call::length($parameter),
        ));
    }

    /**
     * @param array<string, mixed> $event
     * @return array<string, mixed>
     */
    private static function event(array $event): array
    {
        if (isset($event['user'])) {
            $event['user'] = Json::userValue($event['user']);
        }
        return Json::objects($event, ['metadata']);
    }
}
