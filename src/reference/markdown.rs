//! A [`Reference`] as Markdown: a list of everything, one page, or all pages as one document.

use std::collections::BTreeSet;

use crate::reference::{
    Actions, Alias, Attribute, Constant, Default, Entry, File, Function, Group, Part, Reference, Template,
    first_sentence,
};
use crate::resolve::Family;
use crate::source::Origin;

/// A default that makes a longer line stands below its attribute.
const WIDEST: usize = 90;

/// Everything that has a page, with its first sentence.
pub fn list(reference: &Reference) -> String {
    let mut page = Page::new(reference, false);
    for file in &reference.files {
        page.heading(1, &file.name);
        page.about(file);
        page.table(file.entries().map(|entry| row(&entry)));
    }
    page.heading(1, "Functions");
    page.table(reference.functions.iter().map(|function| row(&Entry::Function(function))));
    page.heading(1, "Types of the language");
    page.table(reference.types.iter().map(|builtin| row(&Entry::Builtin(builtin))));
    page.heading(1, "Formats");
    page.paragraph("A type can ask for one: `type Range = String is cidr;`.");
    page.table(reference.formats.iter().map(|format| row(&Entry::Format(format))));
    page.end()
}

/// A name as it is looked up, what it is, and its first sentence.
fn row(entry: &Entry) -> [String; 3] {
    let sentence = |doc: &Option<String>| doc.as_deref().map(first_sentence).unwrap_or_default();
    let (what, about) = match entry {
        Entry::Template(template) => (family(template.family), sentence(&template.doc)),
        Entry::Alias(alias) => ("type", sentence(&alias.doc)),
        Entry::Function(function) => ("function", sentence(&function.doc)),
        Entry::Constant(constant, _) => ("constant", sentence(&constant.doc)),
        Entry::Builtin(builtin) => ("type", builtin.doc.to_string()),
        Entry::Format(format) => ("format", format!("{}.", capital(format.meaning))),
    };
    [code(entry.name()), what.to_string(), about]
}

/// What the components of a template are.
fn family(family: Family) -> &'static str {
    match family {
        Family::Resource => "resource",
        Family::Compound => "group",
        Family::Action => "action",
        Family::Data => "value",
    }
}

/// All that there is to say of one thing.
pub fn page(reference: &Reference, entry: &Entry) -> String {
    let mut page = Page::new(reference, false);
    match entry {
        Entry::Template(template) => page.template(template, 1),
        Entry::Alias(alias) => page.alias_page(alias),
        Entry::Function(function) => page.function_page(function),
        Entry::Constant(constant, file) => {
            page.heading(1, &constant.name);
            page.doc(constant.doc.as_deref());
            page.fence("text", &format!("{} {};", constant.name, constant.is));
            page.paragraph(&format!("A constant of {}.{}", code(file), page.import(file)));
        }
        Entry::Builtin(builtin) => {
            page.heading(1, builtin.name);
            page.paragraph(builtin.doc);
            page.paragraph("A type of the language.");
        }
        Entry::Format(format) => {
            page.heading(1, format.name);
            page.paragraph(&format!("{}.", capital(format.meaning)));
            page.paragraph(&format!("A format that a type can ask for: `type Name = String is {};`.", format.name));
        }
    }
    page.end()
}

/// All pages as one document, with links between them.
pub fn all(reference: &Reference) -> String {
    let mut page = Page::new(reference, true);
    let own = reference.files.iter().any(|file| file.origin == Origin::File);
    page.heading(1, if own { "Reference" } else { "The standard library" });
    page.paragraph("Made by `tadpole docs --all --markdown` from the comments above the declarations.");
    for file in &reference.files {
        let names: Vec<String> = file.templates.iter().map(|template| page.template_name(&template.name)).collect();
        let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        page.out.push_str(&format!("- [{}](#{}){names}\n", file.name, anchor(&file.name)));
    }
    page.out.push_str("- [Functions](#functions)\n- [Types of the language](#types-of-the-language)\n");
    page.out.push_str("- [Formats](#formats)\n\n");
    for file in &reference.files {
        page.file(file);
    }
    page.heading(2, "Functions");
    page.items(reference.functions.iter().map(|function| (code(&function.signature), function.doc.clone())));
    page.heading(2, "Types of the language");
    page.items(reference.types.iter().map(|builtin| (code(builtin.name), Some(builtin.doc.to_string()))));
    page.heading(2, "Formats");
    page.paragraph("A type can ask for one: `type Range = String is cidr;`.");
    page.items(
        reference.formats.iter().map(|format| (code(format.name), Some(format!("{}.", capital(format.meaning))))),
    );
    page.end()
}

struct Page<'r> {
    reference: &'r Reference,
    /// The templates that are in the same document, if there are links to them.
    linked: BTreeSet<&'r str>,
    out: String,
}

impl<'r> Page<'r> {
    fn new(reference: &'r Reference, links: bool) -> Page<'r> {
        let templates = reference.files.iter().filter(|_| links).flat_map(|file| &file.templates);
        Page { reference, linked: templates.map(|template| template.name.as_str()).collect(), out: String::new() }
    }

    /// With one line break at its end.
    fn end(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
        self.out
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.out.push_str(&format!("{} {text}\n\n", "#".repeat(level)));
    }

    fn paragraph(&mut self, text: &str) {
        self.out.push_str(text.trim());
        self.out.push_str("\n\n");
    }

    fn doc(&mut self, doc: Option<&str>) {
        if let Some(doc) = doc {
            self.paragraph(doc);
        }
    }

    fn fence(&mut self, language: &str, text: &str) {
        let fence = if text.contains("```") { "````" } else { "```" };
        self.out.push_str(&format!("{fence}{language}\n{}\n{fence}\n\n", text.trim_end()));
    }

    fn table(&mut self, rows: impl Iterator<Item = [String; 3]>) {
        self.out.push_str("| | | |\n| --- | --- | --- |\n");
        for [name, what, about] in rows {
            self.out.push_str(&format!("| {} | {what} | {} |\n", cell(&name), cell(&about)));
        }
        self.out.push('\n');
    }

    fn items(&mut self, items: impl Iterator<Item = (String, Option<String>)>) {
        for (head, about) in items {
            self.item(&head, about.as_deref());
        }
        self.out.push('\n');
    }

    /// An item of a list, with what there is to say of it below its first line.
    fn item(&mut self, head: &str, about: Option<&str>) {
        self.out.push_str(&format!("- {head}"));
        if let Some(about) = about.map(str::trim).filter(|about| !about.is_empty()) {
            // What begins with a list or a block of code does not go on in the line above.
            let apart = ["- ", "* ", "```", "#", ">", "|"].iter().any(|sign| about.starts_with(sign));
            self.out.push_str(if apart { "\n\n" } else { "\\\n" });
            self.out.push_str(&indented(about));
        }
        self.out.push('\n');
    }

    /// What a file says of itself, and how to have its names.
    fn about(&mut self, file: &File) {
        self.doc(file.intro.as_deref());
        if let Some(import) = &file.import {
            self.fence("text", import);
        }
    }

    /// How the names of a file are to be had, if they are not always there.
    fn import(&self, file: &str) -> String {
        let file = self.reference.files.iter().find(|other| other.name == file);
        file.and_then(|file| file.import.as_deref()).map_or(String::new(), |import| format!(" To have it: `{import}`"))
    }

    fn template_name(&self, name: &str) -> String {
        if self.linked.contains(name) { format!("[{}](#{})", code(name), anchor(name)) } else { code(name) }
    }

    fn template_names(&self, names: &[String]) -> String {
        names.iter().map(|name| self.template_name(name)).collect::<Vec<_>>().join(", ")
    }

    fn file(&mut self, file: &File) {
        self.heading(2, &file.name);
        self.about(file);
        for template in &file.templates {
            self.template(template, 3);
        }
        if !file.types.is_empty() {
            self.heading(3, "Types");
            self.items(file.types.iter().map(|alias| {
                let by = asked_for_by(alias).map(|by| format!("\n\n{by}")).unwrap_or_default();
                (code(&alias.text), Some(format!("{}{by}", alias.doc.as_deref().unwrap_or("").trim())))
            }));
        }
        if !file.functions.is_empty() {
            self.heading(3, "Functions");
            self.items(file.functions.iter().map(|function| (code(&function.signature), function.doc.clone())));
        }
        if !file.constants.is_empty() {
            self.heading(3, "Constants");
            for constant in &file.constants {
                self.constant(constant, None);
            }
            self.out.push('\n');
        }
    }

    fn template(&mut self, template: &Template, level: usize) {
        self.heading(level, &template.name);
        self.doc(template.doc.as_deref());
        let above = template.lineage.iter().filter(|name| !template.extends.contains(name));
        let above: Vec<String> = above.map(|name| self.template_name(name)).collect();
        let extends = match (template.extends.as_slice(), above.as_slice()) {
            ([], _) => String::new(),
            (extends, []) => format!(" Extends {}.", self.template_names(extends)),
            (extends, above) => format!(" Extends {}; above it {}.", self.template_names(extends), above.join(", ")),
        };
        let what = capital(family(template.family));
        self.paragraph(&format!("{what} of {}.{extends}{}", code(&template.file), self.import(&template.file)));
        if let Some(usage) = &template.usage {
            self.fence(if usage.whole { "cloud" } else { "text" }, &usage.text);
        }
        if !template.groups.is_empty() {
            self.heading(level + 1, "Attributes");
            for group in &template.groups {
                self.group(group, template);
            }
        }
        if !template.outputs.is_empty() {
            self.heading(level + 1, "Outputs");
            self.paragraph("Filled in by the provider, and known once the thing exists.");
            template.outputs.iter().for_each(|group| self.group(group, template));
        }
        if !template.parts.is_empty() {
            self.heading(level + 1, "Components");
            template.parts.iter().for_each(|part| self.part(part, &template.name));
            self.out.push('\n');
        }
        if !template.actions.is_empty() {
            self.heading(level + 1, "Actions");
            self.out.push_str("| list | runs | by default |\n| --- | --- | --- |\n");
            for list in &template.actions {
                self.out.push_str(&format!("| {} | {} | {} |\n", code(list.attribute), list.when, cell(&runs(list))));
            }
            self.out.push('\n');
        }
        // Where the others are in the same document, they are not said again.
        let is_own = |constant: &&Constant| constant.template.as_ref() == Some(&template.name);
        let constants = template.constants.iter().filter(|constant| self.linked.is_empty() || is_own(constant));
        let constants: Vec<&Constant> = constants.collect();
        if !constants.is_empty() {
            self.heading(level + 1, "Constants");
            constants.into_iter().for_each(|constant| self.constant(constant, Some(&template.name)));
            self.out.push('\n');
        }
        if !template.extended_by.is_empty() {
            self.heading(level + 1, "Extended by");
            let names = template.extended_by.iter().map(|(name, doc)| (self.template_name(name), doc.clone()));
            let names: Vec<_> = names.collect();
            self.items(names.into_iter());
        }
    }

    /// The attributes that one template declares, on the page of another or its own.
    fn group(&mut self, group: &Group, template: &Template) {
        let mut attributes: Vec<&Attribute> = group.attributes.iter().collect();
        if group.template != template.name {
            let from = self.template_name(&group.template);
            let is_list = |attribute: &Attribute| template.actions.iter().any(|list| list.attribute == attribute.name);
            // Where they are in the same document, only what is not as it is there is said again.
            if !self.linked.is_empty() {
                let names: Vec<String> = attributes.iter().map(|attribute| code(&attribute.name)).collect();
                self.paragraph(&format!("From {from}: {}.", names.join(", ")));
                let changed = |attribute: &Attribute| attribute.set_by.is_some() || !attribute.more_from.is_empty();
                attributes.retain(|attribute| changed(attribute) && !is_list(attribute));
                attributes.retain(|attribute| !attribute.modifiers.iter().any(|modifier| modifier == "final"));
            } else {
                self.paragraph(&format!("From {from}:"));
            }
        }
        if !attributes.is_empty() {
            attributes.into_iter().for_each(|attribute| self.attribute(attribute));
            self.out.push('\n');
        }
    }

    fn attribute(&mut self, attribute: &Attribute) {
        let modifiers = attribute.modifiers.iter().filter(|modifier| *modifier != "computed");
        let modifiers: String = modifiers.map(|modifier| format!(", {modifier}")).collect();
        let mut head = format!("{}: {}{modifiers}", attribute.name, attribute.ty);
        let mut notes = Vec::new();
        let mut below = None;
        match &attribute.default {
            Default::Required => notes.push("required".to_string()),
            Default::Unset => {}
            Default::Written(text) if !text.contains('\n') && head.len() + text.len() <= WIDEST => {
                head.push_str(&format!(" = {text}"));
            }
            Default::Written(text) => below = Some(text),
            Default::Hidden => notes.push("its default is a secret".to_string()),
        }
        if let Some(setter) = &attribute.set_by {
            notes.push(format!("set by {}", self.template_name(setter)));
        }
        if !attribute.more_from.is_empty() {
            notes.push(format!("with more from {}", self.template_names(&attribute.more_from)));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        let mut about = attribute.doc.as_deref().unwrap_or("").trim().to_string();
        if let Some(why) = &attribute.deprecated {
            about.push_str(if about.is_empty() { "" } else { "\\\n" });
            about.push_str(&format!("Deprecated: {why}."));
        }
        if let Some(default) = below {
            about.push_str(&format!("\n\nDefault:\n\n```text\n{default}\n```"));
        }
        self.item(&format!("{}{notes}", code(&head)), Some(&about));
    }

    fn part(&mut self, part: &Part, here: &str) {
        let from =
            if part.template == here { String::new() } else { format!(" (in {})", self.template_name(&part.template)) };
        let head = format!("{} extends {}{from}", code(&part.name), self.template_names(&part.extends));
        self.item(&head, part.doc.as_deref());
    }

    fn constant(&mut self, constant: &Constant, here: Option<&String>) {
        let from = constant.template.as_ref().filter(|template| Some(*template) != here);
        let from = from.map_or(String::new(), |template| format!(" (in {})", self.template_name(template)));
        self.item(&format!("{}{from}", code(&format!("{} {}", constant.name, constant.is))), constant.doc.as_deref());
    }

    fn alias_page(&mut self, alias: &Alias) {
        self.heading(1, &alias.name);
        self.doc(alias.doc.as_deref());
        self.fence("text", &alias.text);
        self.paragraph(&format!("A type of {}.{}", code(&alias.file), self.import(&alias.file)));
        self.doc(asked_for_by(alias).as_deref());
    }

    fn function_page(&mut self, function: &Function) {
        self.heading(1, &function.name);
        self.fence("text", &function.signature);
        self.doc(function.doc.as_deref());
        self.paragraph(&match &function.file {
            Some(file) => format!("A function of {}.{}", code(file), self.import(file)),
            None => "A function of the language.".to_string(),
        });
    }
}

/// What a list of actions does, unless something else is set.
fn runs(list: &Actions) -> String {
    match &list.list {
        Default::Written(text) if text == "[]" => format!("nothing: {}", list.when_empty),
        Default::Written(text) => {
            let verbs = list.verbs.iter().map(|(name, verb)| format!("{} ({})", code(name), code(verb)));
            let verbs: Vec<String> = verbs.collect();
            let names: Vec<&str> = list.verbs.iter().map(|(name, _)| name.as_str()).collect();
            // Whatever is no constant is shown as it is written.
            if format!("[{}]", names.join(", ")) == *text { verbs.join(", ") } else { code(text) }
        }
        Default::Required | Default::Unset | Default::Hidden => "what is set".to_string(),
    }
}

fn asked_for_by(alias: &Alias) -> Option<String> {
    let names: Vec<String> = alias.asked_for_by.iter().map(|name| code(name)).collect();
    (!names.is_empty()).then(|| format!("Asked for by {}.", names.join(", ")))
}

/// A text as code, whatever backticks are in it; line breaks count as spaces there.
fn code(text: &str) -> String {
    let text = text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Two spaces before every line that is not empty.
fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// Of a heading, as Git hosts make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}
