//! Files to a [`Library`]: every name in its place, every template flattened to what it inherits.
//! Nothing is evaluated here, and nothing stands for one particular component yet.

pub mod load;
pub mod prototype;
pub mod scope;
pub mod secret;
pub mod types;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diagnostic::Report;
use crate::model::action::Verb;
use crate::model::ty::{TemplateId, TemplateRef};
use crate::model::unordered::Unordered;
use crate::name::Name;
use crate::source::SourceId;
use crate::syntax::tree;
use prototype::{Shape, Template};
use scope::Module;

/// A module by its number: the prelude is 0, the user's program 1, imported files follow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ModuleId(pub usize);

pub const PRELUDE: ModuleId = ModuleId(0);
pub const PROGRAM: ModuleId = ModuleId(1);

/// Everything that was loaded, linked. Borrows the trees.
pub struct Library<'a> {
    pub modules: Vec<Module<'a>>,
    pub templates: Vec<Template<'a>>,
    /// By template; what each has after all that it inherits.
    pub shapes: Vec<Rc<Shape<'a>>>,
    pub roots: Roots,
    directories: &'a HashMap<SourceId, PathBuf>,
}

/// The templates of `stdlib/core.cloud` and `stdlib/actions.cloud` that the compiler itself knows.
#[derive(Clone, Copy, Debug)]
pub struct Roots {
    pub resource: TemplateId,
    pub lookup: TemplateId,
    pub compound: TemplateId,
    pub action: TemplateId,
    pub project: TemplateId,
    pub upstream: TemplateId,
}

/// What becomes of a component of some template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Deployed.
    Resource,
    /// Groups others.
    Compound,
    Action,
    /// A value, and nothing else.
    Data,
}

/// Puts every name in its place and flattens every template.
pub fn link<'a>(loaded: &'a load::Loaded, report: &mut Report) -> Library<'a> {
    let (modules, templates) = scope::collect(loaded, report);
    let (shapes, roots) = prototype::flatten(&modules, &templates, report);
    Library { modules, templates, shapes, roots, directories: &loaded.directories }
}

impl<'a> Library<'a> {
    pub fn template(&self, id: TemplateId) -> &Template<'a> {
        &self.templates[id.0 as usize]
    }

    pub fn shape(&self, id: TemplateId) -> &Rc<Shape<'a>> {
        &self.shapes[id.0 as usize]
    }

    /// The template from which all descend.
    pub fn component(&self) -> TemplateRef {
        let name = Name::from("Component");
        match self.module(PRELUDE).templates.get(&name) {
            Some(id) => TemplateRef { id: *id, name },
            None => unreachable!("stdlib/core.cloud has a template `Component`"),
        }
    }

    pub fn module(&self, id: ModuleId) -> &Module<'a> {
        &self.modules[id.0]
    }

    /// Where the paths that a file names start; for what was typed at the command line, here.
    pub fn directory(&self, source: SourceId) -> &'a Path {
        self.directories.get(&source).map_or(Path::new(""), PathBuf::as_path)
    }

    /// The directory of the program, where paths start that are recorded.
    pub fn program_directory(&self) -> &'a Path {
        self.module(PROGRAM).files.first().map_or(Path::new(""), |file| self.directory(file.span.source))
    }

    /// What an action does, by the template of the library that it descends from.
    pub fn verb(&self, id: TemplateId) -> Option<Verb> {
        let lineage = &self.shape(id).lineage;
        Verb::ALL.into_iter().find(|verb| {
            let template = self.module(PRELUDE).templates.get(verb.template());
            template.is_some_and(|template| lineage.contains(template))
        })
    }

    /// Whether `one` is `other` or inherits from it.
    pub fn descends(&self, one: TemplateId, other: TemplateId) -> bool {
        self.shape(one).lineage.contains(&other)
    }

    pub fn family(&self, shape: &Shape) -> Family {
        let has = |id: TemplateId| shape.lineage.contains(&id);
        if has(self.roots.resource) {
            Family::Resource
        } else if has(self.roots.compound) {
            Family::Compound
        } else if has(self.roots.action) {
            Family::Action
        } else {
            Family::Data
        }
    }

    /// The fields of values that are declared `unordered`.
    pub fn unordered(&self) -> Unordered {
        let values = self.templates.iter().zip(&self.shapes).filter(|(_, shape)| self.family(shape) == Family::Data);
        let fields = values.flat_map(|(template, shape)| shape.members.iter().map(move |member| (template, member)));
        let is_set = |member: &prototype::Member| member.attribute.as_ref().is_some_and(|of| of.modifiers.unordered);
        let named = fields.filter(|(_, (_, member))| is_set(member));
        named.map(|(template, (name, _))| (template.name.value.clone(), name.clone())).collect()
    }

    /// The program's own statements, file by file.
    pub fn program_items(&self) -> impl Iterator<Item = &'a tree::Item> + '_ {
        self.module(PROGRAM).files.iter().flat_map(|file| &file.items)
    }
}
