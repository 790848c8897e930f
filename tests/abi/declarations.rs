//! The functions that the header declares, read from `include/tidegate_cdef.h`.

use super::support::read;

/// A function and its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) returns: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A parameter, for example `const char *` and `name`.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// All functions, in the order of the header.
pub(crate) fn functions() -> Vec<Function> {
    let text = read("include/tidegate_cdef.h");
    let functions: Vec<Function> = text.split(';').filter_map(function).collect();
    assert!(functions.len() > 70, "the header was not understood");
    functions
}

fn function(declaration: &str) -> Option<Function> {
    let declaration = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
    let (head, rest) = declaration.split_once('(')?;
    let parameters = rest.strip_suffix(')')?;
    let Parameter { kind, name } = parameter(head);
    if kind.starts_with("typedef") || !name.starts_with("tidegate_") {
        return None;
    }
    let parameters = match parameters {
        "void" => Vec::new(),
        some => some.split(',').map(str::trim).map(parameter).collect(),
    };
    Some(Function {
        name,
        returns: kind,
        parameters,
    })
}

/// Splits `const char *name` in front of the name.
fn parameter(text: &str) -> Parameter {
    let start = text.rfind([' ', '*']).map_or(0, |at| at + 1);
    Parameter {
        kind: text[..start].trim().replace("struct ", ""),
        name: text[start..].to_owned(),
    }
}
