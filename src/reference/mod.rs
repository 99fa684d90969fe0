//! What can be looked up: templates, types, constants and functions with what is written about them, as
//! plain texts. [`gather`] makes it from a library, [`markdown`] writes it down.

mod gather;
pub mod markdown;
mod usage;

pub use gather::gather;

use crate::diagnostic::closest;
use crate::resolve::Family;
use crate::source::Origin;

/// Everything, file by file: the user's, then the library's, then what is no file's.
#[derive(Clone, Debug)]
pub struct Reference {
    pub files: Vec<File>,
    /// Of the language itself.
    pub functions: Vec<Function>,
    pub types: Vec<Builtin>,
    pub formats: Vec<Format>,
}

#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub origin: Origin,
    /// What the file says of itself at its top.
    pub intro: Option<String>,
    /// What to write to have its names, if they are not always there.
    pub import: Option<String>,
    pub templates: Vec<Template>,
    pub types: Vec<Alias>,
    pub functions: Vec<Function>,
    pub constants: Vec<Constant>,
}

#[derive(Clone, Debug)]
pub struct Template {
    pub name: String,
    pub file: String,
    pub doc: Option<String>,
    pub family: Family,
    /// As it is written.
    pub extends: Vec<String>,
    /// All templates above it, the nearest first.
    pub lineage: Vec<String>,
    /// A component of it, with what must be set. None for what is only there to be extended.
    pub usage: Option<Usage>,
    /// What can be set, by the template that declares it, the nearest first.
    pub groups: Vec<Group>,
    /// What the provider fills in, likewise.
    pub outputs: Vec<Group>,
    /// The components in it.
    pub parts: Vec<Part>,
    /// The constants in it, the nearest template's first.
    pub constants: Vec<Constant>,
    /// What runs when, unless something else is set. Empty for what is not deployed.
    pub actions: Vec<Actions>,
    /// Templates that extend it directly, with the first sentence on each.
    pub extended_by: Vec<(String, Option<String>)>,
}

#[derive(Clone, Debug)]
pub struct Usage {
    pub text: String,
    /// Whether the text is a whole program, rather than one that refers to things it does not have.
    pub whole: bool,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub template: String,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: String,
    /// As it is written.
    pub ty: String,
    /// As they are written, without the reason for which it is deprecated.
    pub modifiers: Vec<String>,
    pub deprecated: Option<String>,
    pub default: Default,
    /// The template that sets the default, if that is not the one that declares the attribute.
    pub set_by: Option<String>,
    /// Templates that add to the default or change a part of it.
    pub more_from: Vec<String>,
    pub doc: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Default {
    /// It has to be set.
    Required,
    /// It may be left unset.
    Unset,
    /// As it is written.
    Written(String),
    /// A secret.
    Hidden,
}

/// A component inside a template.
#[derive(Clone, Debug)]
pub struct Part {
    /// With its repetition, as it is written.
    pub name: String,
    pub extends: Vec<String>,
    /// The template that it stands in.
    pub template: String,
    pub doc: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Constant {
    pub name: String,
    /// What it is, as it is written: `extends Create`, or a value.
    pub is: String,
    /// The template that it stands in, if it stands in one.
    pub template: Option<String>,
    pub doc: Option<String>,
}

/// One of the lists of actions of a resource.
#[derive(Clone, Debug)]
pub struct Actions {
    pub attribute: &'static str,
    pub when: &'static str,
    /// As it is written.
    pub list: Default,
    /// For each action that is a constant of the template, the template that it extends.
    pub verbs: Vec<(String, String)>,
    /// What it means when the list is empty.
    pub when_empty: &'static str,
}

/// A named type.
#[derive(Clone, Debug)]
pub struct Alias {
    pub name: String,
    pub file: String,
    /// The declaration, as it is written.
    pub text: String,
    pub doc: Option<String>,
    /// Attributes that ask for it, as `Template.attribute`.
    pub asked_for_by: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    /// The file that defines it; none for those of the language.
    pub file: Option<String>,
    /// `join(list: [String], separator: String): String`
    pub signature: String,
    pub doc: Option<String>,
}

/// A type of the language.
#[derive(Clone, Debug)]
pub struct Builtin {
    pub name: &'static str,
    pub doc: &'static str,
}

/// A format that a type can ask for.
#[derive(Clone, Debug)]
pub struct Format {
    pub name: &'static str,
    pub meaning: &'static str,
}

/// One thing that has a page.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    Template(&'a Template),
    Alias(&'a Alias),
    Function(&'a Function),
    /// With the file it stands in.
    Constant(&'a Constant, &'a str),
    Builtin(&'a Builtin),
    Format(&'a Format),
}

impl<'a> Entry<'a> {
    pub fn name(self) -> &'a str {
        match self {
            Entry::Template(template) => &template.name,
            Entry::Alias(alias) => &alias.name,
            Entry::Function(function) => &function.name,
            Entry::Constant(constant, _) => &constant.name,
            Entry::Builtin(builtin) => builtin.name,
            Entry::Format(format) => format.name,
        }
    }
}

impl File {
    /// Templates, types, functions and constants, in this order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let templates = self.templates.iter().map(Entry::Template);
        let types = self.types.iter().map(Entry::Alias);
        let functions = self.functions.iter().map(Entry::Function);
        let constants = self.constants.iter().map(|constant| Entry::Constant(constant, &self.name));
        templates.chain(types).chain(functions).chain(constants)
    }
}

impl Reference {
    /// All that has a page.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let of_files = self.files.iter().flat_map(File::entries);
        let functions = self.functions.iter().map(Entry::Function);
        let types = self.types.iter().map(Entry::Builtin);
        of_files.chain(functions).chain(types).chain(self.formats.iter().map(Entry::Format))
    }

    /// All of that name: a template may hide one of the library's, and `json` is a function and a format.
    pub fn find(&self, name: &str) -> Vec<Entry<'_>> {
        self.entries().filter(|entry| entry.name() == name).collect()
    }

    /// What was probably meant by a name that has no page.
    pub fn meant(&self, name: &str) -> Option<String> {
        if let Some(near) = closest(name, self.entries().map(Entry::name)) {
            return Some(format!("did you mean `{near}`?"));
        }
        // Not all that is written has a page of its own.
        let parts: Vec<(&str, &str, &Template)> = self.templates().flat_map(Template::own_parts).collect();
        let part = |name: &str| parts.iter().find(|(part, ..)| *part == name);
        let near = || closest(name, parts.iter().map(|(part, ..)| *part));
        let (part, what, template) = part(name).or_else(|| part(near()?))?;
        Some(format!("`{part}` is {what} of `{0}`: `tadpole docs {0}`", template.name))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.files.iter().flat_map(|file| &file.templates)
    }
}

impl Template {
    /// Names of what it declares itself, and what each is.
    fn own_parts(&self) -> impl Iterator<Item = (&str, &'static str, &Template)> {
        let groups = self.groups.iter().chain(&self.outputs).filter(|group| group.template == self.name);
        let attributes = groups.flat_map(|group| &group.attributes);
        let attributes = attributes.map(move |attribute| (attribute.name.as_str(), "an attribute", self));
        let constants = self.constants.iter().filter(|constant| constant.template.as_ref() == Some(&self.name));
        let constants = constants.map(move |constant| (constant.name.as_str(), "a constant", self));
        attributes.chain(constants)
    }
}

/// The first sentence of a text, on one line.
pub fn first_sentence(doc: &str) -> String {
    let paragraph = doc.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let line = words.join(" ");
    match line.find(". ") {
        Some(end) => line[..=end].to_string(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::first_sentence;

    #[test]
    fn a_sentence_ends_at_its_full_stop() {
        for (doc, sentence) in [
            ("One thing.\nAnother.", "One thing."),
            ("No stop\nat all", "No stop at all"),
            ("A title\n\nAnd more. ", "A title"),
            ("A range: `10.0.0.0/16`. More.", "A range: `10.0.0.0/16`."),
            ("", ""),
        ] {
            assert_eq!(first_sentence(doc), sentence);
        }
    }
}
