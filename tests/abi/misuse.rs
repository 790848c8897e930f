//! Every function of the header, misused in every way its types allow.
//!
//! A C program is written from the declarations and one table of answers, and run as it is, under
//! sanitizers and under Valgrind. Each case breaks one argument of a call that is right otherwise.

pub(crate) mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::declarations::{Function, Parameter, functions};
use super::support::{Build, compile, library, limited, project, scratch, succeed, valgrind};
use table::{Row, Shape, TABLE};

#[test]
fn every_function_has_its_row() {
    let rows: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
    let declared = functions();
    let declared: BTreeSet<&str> = declared.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(rows, declared);
}

#[test]
fn misuse_is_an_error() {
    let program = compile(&write_program(), library(), Build::Shared);
    succeed(limited(program).arg(rules()));
}

#[test]
fn misuse_is_an_error_under_sanitizers() {
    let program = compile(&write_program(), library(), Build::Sanitized);
    succeed(limited(program).arg(rules()));
}

#[test]
fn misuse_is_an_error_under_valgrind() {
    let program = compile(&write_program(), library(), Build::Shared);
    succeed(valgrind(&program).arg(rules()));
}

fn rules() -> PathBuf {
    project().join("examples/rules/shop.json")
}

/// An argument in C, and what it has to lead to.
struct Misuse {
    what: String,
    arguments: Vec<String>,
    answer: String,
}

/// A parameter that stands for one thing: a text is two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Id(&'static str),
    Text {
        is_json: bool,
        is_required: bool,
    },
    /// Belongs to the text in front of it.
    Length,
    Out {
        initial: String,
        is_required: bool,
    },
    /// A struct with a size that the library fills.
    Struct,
    Vtable,
    Kind,
    Flags,
    /// Anything else, with the argument that is right.
    Plain(&'static str),
}

fn role(function: &Function, parameter: &Parameter) -> Role {
    let (kind, name) = (parameter.kind.as_str(), parameter.name.as_str());
    match (kind, name) {
        ("tidegate_client", _) => Role::Id("client"),
        ("tidegate_user", _) => Role::Id("user"),
        ("tidegate_result", _) => Role::Id("result"),
        ("tidegate_options", _) => Role::Id("options"),
        ("const char *", _) => Role::Text {
            is_json: name.ends_with("json"),
            is_required: !matches!(
                name,
                "json" | "options_json" | "value" | "metadata_json" | "parameter" | "id"
            ),
        },
        ("size_t", _) if name.ends_with("_len") => Role::Length,
        ("tidegate_flush_info *" | "tidegate_eval_times *", _) => Role::Struct,
        (_, _) if name.starts_with("out_") => Role::Out {
            initial: initial(kind),
            is_required: function.name.ends_with("_new"),
        },
        (_, "vtable") => Role::Vtable,
        ("int32_t", "kind") => Role::Kind,
        (_, "flags") => Role::Flags,
        ("tidegate_evaluation_fn" | "tidegate_flush_fn" | "tidegate_init_fn", _) => {
            Role::Plain("no_evaluation")
        }
        ("tidegate_rules_fn", _) => Role::Plain("no_rules"),
        ("tidegate_error_fn", _) => Role::Plain("no_error"),
        ("void *" | "tidegate_destroy_fn" | "const double *", _) => Role::Plain("NULL"),
        ("uint32_t", "timeout_ms" | "budget_ms") => Role::Plain("0"),
        ("int32_t", "on" | "with_private") => Role::Plain("1"),
        (_, "default_value") => Role::Plain("42"),
        _ => panic!("{}: {kind} {name} is not understood", function.name),
    }
}

/// What an out-parameter holds before the call: never the default.
fn initial(kind: &str) -> String {
    match kind {
        "tidegate_buf **" => "(tidegate_buf *)&failures",
        "const char **" => "\"untouched\"",
        _ => "77",
    }
    .to_owned()
}

/// The value an out-parameter has after a failure.
fn default(function: &Function, parameter: &Parameter) -> &'static str {
    let has_default = function
        .parameters
        .iter()
        .any(|p| p.name == "default_value");
    match parameter.kind.as_str() {
        "tidegate_buf **" | "const char **" => "NULL",
        _ if has_default => "42",
        _ => "0",
    }
}

/// A text that is right for its parameter.
fn right_text(name: &str) -> &'static str {
    match name {
        "sdk_key" => "KEY",
        "user_json" => "ADA",
        "key" => "\"title\"",
        "name" => "\"employees_only\"",
        "json" | "options_json" | "overrides_json" | "metadata_json" | "environment_json" => {
            "\"{}\""
        }
        "specs_json" => "rules",
        "value_json" => "\"true\"",
        "request_json" => "\"{\\\"users\\\":[],\\\"entities\\\":[]}\"",
        "events_json" => "\"[]\"",
        "id" | "value" => "\"ada\"",
        "parameter" => "NULL",
        _ => panic!("no text for {name}"),
    }
}

/// The arguments of a call that is right.
fn right(function: &Function) -> Vec<String> {
    let mut arguments = Vec::new();
    for parameter in &function.parameters {
        arguments.push(match role(function, parameter) {
            Role::Id(noun) => format!("world->{noun}"),
            Role::Text { .. } => right_text(&parameter.name).to_owned(),
            Role::Length => "TIDEGATE_NUL".to_owned(),
            Role::Out { .. } | Role::Struct | Role::Vtable => format!("&{}", parameter.name),
            Role::Kind => "TIDEGATE_GATE".to_owned(),
            Role::Flags => "0".to_owned(),
            Role::Plain(argument) => argument.to_owned(),
        });
    }
    arguments
}

/// Every way to break one argument.
fn misuses(function: &Function, row: &Row) -> Vec<Misuse> {
    let mut found = Vec::new();
    for (at, parameter) in function.parameters.iter().enumerate() {
        let name = &parameter.name;
        let mut add = |what: &str, replaced: &[&str], answer: &str| {
            let mut arguments = right(function);
            for (offset, argument) in replaced.iter().enumerate() {
                (*argument).clone_into(&mut arguments[at + offset]);
            }
            found.push(Misuse {
                what: format!("{name} is {what}"),
                arguments,
                answer: answer.to_owned(),
            });
        };
        match role(function, parameter) {
            Role::Id(noun) => misuse_id(function, noun, row, &mut add),
            Role::Text {
                is_json,
                is_required,
            } => misuse_text(name, is_json, is_required, row, &mut add),
            Role::Out { is_required, .. } => {
                let answer = if is_required {
                    "TIDEGATE_E_NULL"
                } else {
                    row.ready
                };
                add("NULL", &["NULL"], answer);
            }
            Role::Struct => {
                add("NULL", &["NULL"], row.ready);
                add("of size 0", &["&sizeless"], "TIDEGATE_E_ABI");
            }
            Role::Vtable => {
                add("NULL", &["NULL"], "TIDEGATE_E_NULL");
                add("of size 0", &["&sizeless"], "TIDEGATE_E_ABI");
            }
            Role::Kind => {
                let zero = match function.name.as_str() {
                    "tidegate_list_entities" => row.ready,
                    _ => "TIDEGATE_E_ARG",
                };
                add("0", &["0"], zero);
                add("5", &["5"], "TIDEGATE_E_ARG");
                add("negative", &["-1"], "TIDEGATE_E_ARG");
            }
            Role::Flags => add("unknown", &["0x80u"], "TIDEGATE_E_ARG"),
            Role::Plain(right) if right.starts_with("no_") => add("NULL", &["NULL"], row.ready),
            Role::Plain(_) | Role::Length => {}
        }
    }
    found
}

fn misuse_id(function: &Function, noun: &str, row: &Row, add: &mut dyn FnMut(&str, &[&str], &str)) {
    let zero_is_fine = function.name.ends_with("_release") || function.name.ends_with("_new");
    let zero = if zero_is_fine {
        row.ready
    } else {
        "TIDEGATE_E_HANDLE"
    };
    add("0", &["0"], zero);
    add("made up", &["UINT64_MAX"], "TIDEGATE_E_HANDLE");
    add(
        "stale",
        &[&format!("world->stale_{noun}")],
        "TIDEGATE_E_HANDLE",
    );
    for other in ["options", "client", "user", "result"] {
        if other != noun {
            add(other, &[&format!("world->{other}")], "TIDEGATE_E_HANDLE");
        }
    }
}

fn misuse_text(
    name: &str,
    is_json: bool,
    is_required: bool,
    row: &Row,
    add: &mut dyn FnMut(&str, &[&str], &str),
) {
    let absent = if is_required {
        "TIDEGATE_E_NULL"
    } else {
        row.ready
    };
    add("NULL with a length", &["NULL", "5"], "TIDEGATE_E_NULL");
    add("NULL without length", &["NULL", "0"], absent);
    add("NULL up to its NUL", &["NULL", "TIDEGATE_NUL"], absent);
    add("not UTF-8", &["\"\\xff\"", "1"], "TIDEGATE_E_UTF8");
    add(
        "cut in a character",
        &["\"\\xc3\\xa9\"", "1"],
        "TIDEGATE_E_UTF8",
    );
    add("huge", &["\"x\"", "TIDEGATE_NUL - 1"], "TIDEGATE_E_ARG");
    add(
        "as long as -1 in 32 bits",
        &["\"x\"", "UINT32_MAX"],
        "TIDEGATE_E_ARG",
    );
    let with_nul = match name {
        _ if is_json => "TIDEGATE_E_JSON",
        "sdk_key" => "TIDEGATE_E_ARG",
        _ => row.ready,
    };
    add("with a NUL inside", &["\"{\\0}\"", "3"], with_nul);
    if is_json {
        add("half an object", &["\"{\"", "1"], "TIDEGATE_E_JSON");
        add("a number", &["\"7\"", "1"], "ANY_ERROR");
    }
}

/// Declares what a call writes to.
fn declare(function: &Function, out: &mut String) {
    for parameter in &function.parameters {
        let name = &parameter.name;
        let kind = parameter.kind.trim_start_matches("const ");
        match role(function, parameter) {
            Role::Out { initial, .. } => {
                let of = parameter.kind.strip_suffix('*').expect("a pointer").trim();
                let _ = writeln!(out, "    {of} {name} = {initial};\n    (void){name};");
            }
            Role::Struct | Role::Vtable => {
                let of = kind.strip_suffix('*').expect("a pointer").trim();
                let _ = writeln!(out, "    {of} sizeless, {name};");
                let _ = writeln!(out, "    memset(&{name}, 0, sizeof {name});");
                let _ = writeln!(out, "    {name}.struct_size = sizeof {name};");
                let _ = writeln!(out, "    memset(&sizeless, 0, sizeof sizeless);");
            }
            _ => {}
        }
    }
}

/// Writes one call with its checks.
fn write_call(function: &Function, row: &Row, misuse: &Misuse, out: &mut String) {
    let name = &function.name;
    let (what, arguments) = (&misuse.what, misuse.arguments.join(", "));
    declare(function, out);
    if let Shape::Value(on_misuse) = row.shape {
        let kind = &function.returns;
        let _ = writeln!(out, "    {kind} got = {name}({arguments});");
        let is_misuse = misuse.answer.starts_with("TIDEGATE_E") && misuse.answer != row.ready;
        let condition = match (is_misuse, on_misuse) {
            (false, _) => "1".to_owned(),
            (true, "\"\"") => "got != NULL && *got == 0".to_owned(),
            (true, value) => format!("got == {value}"),
        };
        let _ = writeln!(out, "    (void)got;");
        let _ = writeln!(out, "    expect(\"{name}\", \"{what}\", {condition});");
        return;
    }
    let _ = writeln!(out, "    tidegate_status got = {name}({arguments});");
    let answer = &misuse.answer;
    let _ = writeln!(
        out,
        "    expect_status(\"{name}\", \"{what}\", got, {answer});"
    );
    for (parameter, argument) in function.parameters.iter().zip(&misuse.arguments) {
        let is_out = matches!(role(function, parameter), Role::Out { .. });
        if !is_out || argument == "NULL" {
            continue;
        }
        let out_name = &parameter.name;
        let default = default(function, parameter);
        let _ = writeln!(
            out,
            "    expect(\"{name}\", \"{what}: default\", got >= 0 || {out_name} == {default});"
        );
        let release = match parameter.kind.as_str() {
            "tidegate_buf **" => "tidegate_buf_free",
            "tidegate_result *" => "(void)tidegate_result_release",
            "tidegate_user *" => "(void)tidegate_user_release",
            "tidegate_options *" => "(void)tidegate_options_release",
            "tidegate_client *" => "(void)tidegate_client_release",
            _ => continue,
        };
        let _ = writeln!(out, "    if (got >= 0) {{ {release}({out_name}); }}");
    }
}

/// A call that is right, in a phase of the client.
fn right_call(function: &Function, what: &str, answer: &str) -> Misuse {
    Misuse {
        what: what.to_owned(),
        arguments: right(function),
        answer: answer.to_owned(),
    }
}

fn write_function(function: &Function, row: &Row, out: &mut String, calls: &mut String) {
    let name = &function.name;
    if let Shape::ByHand(checks) = row.shape {
        let _ = writeln!(
            out,
            "static void {name}_by_hand(void) {{\n    {checks}\n}}\n"
        );
        let _ = writeln!(calls, "  {name}_by_hand();");
        return;
    }
    let mut number = 0;
    let mut case = |misuse: &Misuse| {
        number += 1;
        let _ = writeln!(out, "static void {name}_{number}(struct world *world) {{");
        let _ = writeln!(out, "    (void)world;");
        write_call(function, row, misuse, out);
        let _ = writeln!(out, "}}\n");
        format!("{name}_{number}")
    };
    let mut ready: Vec<String> = misuses(function, row).iter().map(&mut case).collect();
    ready.push(case(&right_call(function, "right", row.ready)));
    if name.ends_with("_release") {
        ready.push(case(&right_call(
            function,
            "released twice",
            "TIDEGATE_E_HANDLE",
        )));
    }
    let ready: Vec<String> = ready
        .iter()
        .map(|call| format!("{call}(&world);"))
        .collect();
    let _ = writeln!(
        calls,
        "  open_world(&world, READY);\n  {}",
        ready.join("\n  ")
    );
    let _ = writeln!(calls, "  close_world(&world);");
    if function
        .parameters
        .iter()
        .any(|p| p.kind == "tidegate_client")
    {
        for (phase, what, answer) in [
            ("BEFORE", "before initialize", row.before),
            ("AFTER", "after shutdown", row.after),
        ] {
            let call = case(&right_call(function, what, answer));
            let _ = writeln!(calls, "  open_world(&world, {phase});\n  {call}(&world);");
            let _ = writeln!(calls, "  close_world(&world);");
        }
    }
    let call = case(&right_call(function, "inside a callback", row.inside));
    let _ = writeln!(
        calls,
        "  open_world(&world, READY);\n  run_inside(&world, {call});"
    );
    let _ = writeln!(calls, "  close_world(&world);");
}

/// Writes the program and gives its path.
fn write_program() -> PathBuf {
    let mut cases = String::new();
    let mut calls = String::new();
    for function in functions() {
        let row = TABLE.iter().find(|row| row.name == function.name);
        let row = row.unwrap_or_else(|| panic!("{} has no row", function.name));
        write_function(&function, row, &mut cases, &mut calls);
    }
    let text = format!(
        "/* Written by tests/abi/misuse.rs. */\n#include \"misuse.h\"\n\n{cases}\
         int main(int argc, char **argv) {{\n  struct world world;\n  begin(argc, argv);\n  \
         helper = ready_client(make_options(LOCAL));\n{calls}  end_client(helper);\n  \
         printf(\"%d checks\\n\", cases);\n  \
         return cases > 1000 ? end() : 3;\n}}\n"
    );
    let path = scratch("misuse").join("misuse.c");
    if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        let fresh = scratch("misuse").join(format!("{:?}.fresh", std::thread::current().id()));
        std::fs::write(&fresh, text).expect("the program");
        std::fs::rename(&fresh, &path).expect("the program in its place");
    }
    path
}
