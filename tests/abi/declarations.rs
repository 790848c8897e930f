//! What the header declares, read from `include/tidegate_cdef.h`.

use super::support::read;

/// A function and its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) returns: String,
    pub(crate) parameters: Vec<Parameter>,
}

impl Function {
    /// Whether programs call both in the same way.
    pub(crate) fn is_called_as(&self, other: &Function) -> bool {
        let kinds =
            |f: &Function| -> Vec<String> { f.parameters.iter().map(|p| p.kind.clone()).collect() };
        (&self.name, &self.returns, kinds(self)) == (&other.name, &other.returns, kinds(other))
    }
}

/// A parameter, for example `const char *` and `name`, or a member of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// All functions, in the order of the header.
pub(crate) fn functions() -> Vec<Function> {
    functions_in(&read("include/tidegate_cdef.h"))
}

/// The functions that a header without preprocessor declares.
pub(crate) fn functions_in(text: &str) -> Vec<Function> {
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

/// A struct: its name and its members.
pub(crate) type Struct = (String, Vec<Parameter>);

/// All structs whose members programs see.
pub(crate) fn structs() -> Vec<Struct> {
    structs_in(&read("include/tidegate_cdef.h"))
}

pub(crate) fn structs_in(text: &str) -> Vec<Struct> {
    let starts = text.match_indices("typedef struct ");
    let structs: Vec<Struct> = starts
        .filter_map(|(at, start)| {
            let (head, rest) = text[at + start.len()..].split_once([';', '{'])?;
            let is_opaque = !head.ends_with(' ');
            let members = rest.split_once('}')?.0;
            let members = members.split(';').filter_map(member).collect();
            (!is_opaque).then(|| (head.trim().to_owned(), members))
        })
        .collect();
    assert!(structs.len() >= 5, "the header was not understood");
    structs
}

/// A member; for a pointer to a function the kind holds all but the name.
fn member(declaration: &str) -> Option<Parameter> {
    let declaration = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((returns, rest)) = declaration.split_once("(*") {
        let (name, parameters) = rest.split_once(')')?;
        return Some(Parameter {
            kind: format!("{returns}(*){parameters}"),
            name: name.to_owned(),
        });
    }
    (!declaration.is_empty()).then(|| parameter(&declaration))
}

/// The constants, as `NAME = value`.
pub(crate) fn constants(text: &str) -> Vec<String> {
    let start = text.find("enum {").expect("constants");
    let body = &text[start + "enum {".len()..];
    let body = body.split_once('}').expect("their end").0;
    let constants = body.split(',').map(str::trim).filter(|c| !c.is_empty());
    constants.map(str::to_owned).collect()
}

/// The types that are not structs, as they are declared.
pub(crate) fn typedefs_in(text: &str) -> Vec<String> {
    let declarations = text.split(';').map(|declaration| {
        let words: Vec<&str> = declaration.split_whitespace().collect();
        words.join(" ")
    });
    let typedefs: Vec<String> = declarations
        .filter(|line| line.starts_with("typedef ") && !line.contains('{'))
        .collect();
    assert!(typedefs.len() >= 10, "the header was not understood");
    typedefs
}
