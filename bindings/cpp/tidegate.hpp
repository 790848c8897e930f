/// \file
/// Tidegate for C++17 and later: feature gates, configs, experiments and layers, evaluated locally.
///
/// \code
/// #include <tidegate.hpp>
///
/// auto client = tidegate::Client::create("secret-...").value();
/// client.initialize(std::chrono::seconds(3)).value();
/// auto user = tidegate::User::create({{"userID", "ada"}}).value();
/// if (client.check_gate(user, "new_checkout")) { ... }
/// \endcode
///
/// Header-only, over `tidegate.h`; link the library `tidegate`.
///
/// - What can fail returns an `Expected`. It throws only when you call `value()` on a failure, and
///   without exceptions (`-fno-exceptions`) that aborts instead.
/// - Objects are move-only and free what they own. Clients, users and results may be used by any
///   number of threads at once; moving or destroying one while another thread uses it is a race.
/// - JSON goes in and out as text. `Object` writes it; `tidegate_json.hpp` speaks nlohmann-json.
/// - An exception of a callback ends at the callback: see `on_callback_failure`.

#ifndef TIDEGATE_HPP
#define TIDEGATE_HPP

#include "tidegate/callbacks.hpp"
#include "tidegate/client.hpp"
#include "tidegate/error.hpp"
#include "tidegate/load.hpp"
#include "tidegate/object.hpp"
#include "tidegate/options.hpp"
#include "tidegate/result.hpp"
#include "tidegate/user.hpp"

#endif
