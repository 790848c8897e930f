<?php

declare(strict_types=1);

namespace Tidegate\Client;

use FFI\CData;
use Tidegate\Config;
use Tidegate\Experiment;
use Tidegate\Gate;
use Tidegate\Internal\Call;
use Tidegate\Internal\Json;
use Tidegate\Kind;
use Tidegate\Layer;
use Tidegate\Result;
use Tidegate\User;

/**
 * Asking: gates, configs, experiments and layers for a user.
 *
 * @internal
 */
trait Evaluation
{
    /** Used again from call to call; null while a call uses it. */
    private ?CData $passed = null;

    /**
     * Whether the user passes a gate.
     *
     * @param User|array<string, mixed>|string $user
     */
    public function checkGate(User|array|string $user, string $name, bool $logExposure = true): bool
    {
        if ($this->options->onEvaluation !== null) {
            return $this->getGate($user, $name, $logExposure)->value();
        }
        $flags = $logExposure ? 0 : Call::NO_EXPOSURE;
        // A signal handler that evaluates in between finds none, and takes one of its own.
        $out = $this->passed ?? Call::out('int32_t');
        $this->passed = null;
        if ($user instanceof User) {
            $status = $this->ffi->tidegate_check_gate($this->id, $user->id, $name, strlen($name), $flags, $out);
        } else {
            $json = Json::user($user);
            $status = $this->ffi->tidegate_check_gate_json(
                $this->id,
                $json,
                strlen($json),
                $name,
                strlen($name),
                $flags,
                $out,
            );
        }
        $isPassed = $out[0] === 1;
        $this->passed = $out;
        if ($status < 0) {
            Call::check($status);
        }
        return $isPassed;
    }

    /**
     * A gate with its rule and details.
     *
     * @param User|array<string, mixed>|string $user
     */
    public function getGate(User|array|string $user, string $name, bool $logExposure = true): Gate
    {
        $user = User::from($user);
        $out = Call::out('tidegate_result');
        $flags = $logExposure ? 0 : Call::NO_EXPOSURE;
        $status = $this->ffi->tidegate_get_gate($this->id, $user->id, $name, strlen($name), $flags, $out);
        return $this->result(new Gate(Call::id($status, $out)));
    }

    /**
     * The name that other SDKs have for {@see getGate()}.
     *
     * @param User|array<string, mixed>|string $user
     */
    public function getFeatureGate(User|array|string $user, string $name, bool $logExposure = true): Gate
    {
        return $this->getGate($user, $name, $logExposure);
    }

    /**
     * A dynamic config.
     *
     * @param User|array<string, mixed>|string $user
     */
    public function getConfig(User|array|string $user, string $name, bool $logExposure = true): Config
    {
        $user = User::from($user);
        $out = Call::out('tidegate_result');
        $flags = $logExposure ? 0 : Call::NO_EXPOSURE;
        $status = $this->ffi->tidegate_get_config($this->id, $user->id, $name, strlen($name), $flags, $out);
        return $this->result(new Config(Call::id($status, $out)));
    }

    /**
     * An experiment.
     *
     * @param User|array<string, mixed>|string $user
     */
    public function getExperiment(User|array|string $user, string $name, bool $logExposure = true): Experiment
    {
        $user = User::from($user);
        $out = Call::out('tidegate_result');
        $flags = $logExposure ? 0 : Call::NO_EXPOSURE;
        $status = $this->ffi->tidegate_get_experiment($this->id, $user->id, $name, strlen($name), $flags, $out);
        return $this->result(new Experiment(Call::id($status, $out)));
    }

    /**
     * A layer. Reading one of its parameters logs that parameter's exposure.
     *
     * @param User|array<string, mixed>|string $user
     */
    public function getLayer(User|array|string $user, string $name, bool $logExposure = true): Layer
    {
        $user = User::from($user);
        $out = Call::out('tidegate_result');
        $flags = $logExposure ? 0 : Call::NO_EXPOSURE;
        $status = $this->ffi->tidegate_get_layer($this->id, $user->id, $name, strlen($name), $flags, $out);
        return $this->result(new Layer(Call::id($status, $out)));
    }

    /**
     * Any kind of evaluation. Parameters of a layer log no exposure this way.
     *
     * @param User|array<string, mixed>|string $user
     * @return array<string, mixed>
     */
    public function evaluate(
        Kind|string $kind,
        User|array|string $user,
        string $name,
        bool $logExposure = true,
    ): array {
        $kind = Kind::parse($kind);
        $json = $user instanceof User ? $user->toJson(withPrivate: true) : Json::user($user);
        $out = Call::buffer();
        $status = $this->ffi->tidegate_evaluate_json(
            $this->id,
            $kind->value,
            $json,
            strlen($json),
            $name,
            strlen($name),
            $logExposure ? 0 : Call::NO_EXPOSURE,
            $out,
        );
        $result = Call::json($status, $out);
        $this->evaluated(fn (): array => $result);
        return $result;
    }

    /**
     * Many evaluations at once.
     *
     * @param list<User|array<string, mixed>|string> $users
     * @param list<array{Kind|string, string}> $entities for example `[['gate', 'new_checkout']]`
     * @return list<list<array<string, mixed>>> a row for each user, a cell for each entity: the
     *   result, or `['error' => ['code' => ..., 'message' => ...]]`
     */
    public function evaluateBatch(array $users, array $entities, bool $logExposures = false): array
    {
        $request = Json::encode([
            'users' => array_map(Json::userValue(...), array_values($users)),
            'entities' => array_map(self::entity(...), array_values($entities)),
            'log_exposures' => $logExposures,
        ], 'batch');
        $out = Call::buffer();
        $status = $this->ffi->tidegate_evaluate_batch($this->id, $request, strlen($request), $out);
        $rows = Call::json($status, $out)['results'];
        foreach (array_merge(...$rows) as $result) {
            if (!isset($result['error'])) {
                $this->evaluated(fn (): array => $result);
            }
        }
        return $rows;
    }

    /**
     * All gates, configs and experiments for one user, without exposures.
     *
     * @param User|array<string, mixed>|string $user
     * @return array{
     *   feature_gates: array<string, array{value: bool, rule_id: string}>,
     *   dynamic_configs: array<string, array{value: array<string, mixed>, rule_id: string}>
     * }
     */
    public function evaluateAll(User|array|string $user): array
    {
        $user = User::from($user);
        $out = Call::buffer();
        return Call::json($this->ffi->tidegate_evaluate_all($this->id, $user->id, $out), $out);
    }

    /**
     * Why the user gets what it gets: rules, conditions, values, hashes. Logs no exposure.
     *
     * @param User|array<string, mixed>|string $user
     * @return array<string, mixed>
     */
    public function explain(User|array|string $user, Kind|string $kind, string $name): array
    {
        $user = User::from($user);
        $kind = Kind::parse($kind);
        $out = Call::buffer();
        $status = $this->ffi->tidegate_explain($this->id, $user->id, $kind->value, $name, strlen($name), $out);
        return Call::json($status, $out);
    }

    /**
     * What a browser or mobile SDK needs to start for this user, as JSON to put into a page; null
     * while there are no rules. Logs no exposure.
     *
     * @param User|array<string, mixed>|string $user
     * @param string $hash "sha256", "djb2" or "none"
     */
    public function clientInitResponse(
        User|array|string $user,
        ?string $clientSdkKey = null,
        string $hash = 'sha256',
        bool $includeLocalOverrides = false,
        ?string $targetAppId = null,
    ): ?string {
        $user = User::from($user);
        $options = Json::encode([
            'client_sdk_key' => $clientSdkKey,
            'hash' => $hash,
            'include_local_overrides' => $includeLocalOverrides,
            'target_app_id' => $targetAppId,
        ], 'options');
        $out = Call::buffer();
        $status = $this->ffi->tidegate_get_client_init_response(
            $this->id,
            $user->id,
            $options,
            strlen($options),
            $out,
        );
        $text = Call::text($status, $out);
        return $text === 'null' ? null : $text;
    }

    /**
     * @template T of Result
     * @param T $result
     * @return T
     */
    private function result(Result $result): Result
    {
        if ($this->options->onEvaluation !== null) {
            $this->evaluated(fn (): array => $result->toArray());
        }
        return $result;
    }

    /**
     * @param array{Kind|string, string} $entity
     * @return array{kind: string, name: string}
     */
    private static function entity(array $entity): array
    {
        [$kind, $name] = array_values($entity) + [1 => ''];
        return ['kind' => Kind::parse($kind)->label(), 'name' => $name];
    }
}
