//! What is public in our packages, read from their source: enough of Rust's rules for names to
//! follow modules, `pub use` and `impl`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use syn::{Attribute, ImplItem, Item, TraitItem, Type, UseTree, Visibility};

use crate::items::{alias, file_of, has_example, is_for_tests, is_hidden, is_public, methods_of};

/// An absolute path, its first segment the package.
type Names = Vec<String>;

#[derive(Debug)]
struct Entry {
    is_public: bool,
    kind: Kind,
    aliases: Vec<String>,
    has_example: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Module,
    /// A type, a trait or a function; or something inside one.
    Item,
    Constant,
}

/// All items by their absolute paths; methods, variants and fields below their types.
#[derive(Default)]
pub(crate) struct Source {
    entries: HashMap<Names, Entry>,
    /// Other names for paths, as seen from the module that they are in; and whether these are
    /// public. Apart from the entries: a module and a function may have the same name.
    uses: HashMap<Names, (bool, Names)>,
    /// By module: whether it is public, and what is `use`d with a star.
    globs: HashMap<Names, Vec<(bool, Names)>>,
    /// Macros that stand for some methods, by name.
    macros: HashMap<String, Vec<ImplItem>>,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Item {
        name: String,
        aliases: &'a [String],
    },
    /// Something of a package that is not ours.
    Foreign,
    Nothing,
}

impl Found<'_> {
    /// Whether a search for a name of Twisted leads here.
    pub(crate) fn answers_to(&self, module: &str, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap();
        match self {
            Found::Item {
                name: ours,
                aliases,
            } => {
                let full = format!("{module}.{name}");
                ours == last
                    || aliases
                        .iter()
                        .any(|alias| [last, name, &full].contains(&alias.as_str()))
            }
            Found::Foreign => true,
            Found::Nothing => false,
        }
    }
}

const PACKAGES: [(&str, &str); 4] = [
    ("torsade", "src"),
    ("torsade_core", "core/src"),
    ("torsade_tls", "tls/src"),
    ("torsade_http", "http/src"),
];

impl Source {
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut source = Self::default();
        let mut impls = Vec::new();
        for (package, folder) in PACKAGES {
            let folder = root.join(folder);
            let file = folder.join("lib.rs");
            let module = vec![package.to_owned()];
            source.read_file(&file, &folder, &module, &mut impls);
        }
        for (module, item) in impls {
            source.add_impl(&module, item);
        }
        source
    }

    /// What `torsade::path` is.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        let path = path.split("::").map(str::to_owned).collect();
        match self.resolve(&vec!["torsade".to_owned()], path, true, 0) {
            Some(path) => match self.entries.get(&path) {
                Some(entry) => Found::Item {
                    name: path.last().unwrap().clone(),
                    aliases: &entry.aliases,
                },
                None => Found::Foreign,
            },
            None => Found::Nothing,
        }
    }

    /// The types, traits, functions and macros that a package shows to its users, each once, and
    /// whether it has an example.
    pub(crate) fn public_items(&self, package: &str) -> BTreeMap<String, bool> {
        let mut items = BTreeMap::new();
        let mut seen = HashSet::new();
        let mut modules = vec![vec![package.to_owned()]];
        while let Some(module) = modules.pop() {
            if !seen.insert(module.clone()) {
                continue;
            }
            for path in self.shown_by(&module) {
                let Some(entry) = self.entries.get(&path) else {
                    continue; // another package's
                };
                match entry.kind {
                    Kind::Module => modules.push(path),
                    Kind::Item => drop(items.insert(path.join("::"), entry.has_example)),
                    Kind::Constant => {}
                }
            }
        }
        items
    }

    /// The absolute paths of what is public in a module, its own and what it gives others' names.
    fn shown_by(&self, module: &Names) -> Vec<Names> {
        let is_inside =
            |path: &&Names| path.len() == module.len() + 1 && path.starts_with(module.as_slice());
        let own = self.entries.iter().filter(|(_, entry)| entry.is_public);
        let own = own.map(|(path, _)| path).filter(is_inside).cloned();
        let uses = self.uses.iter().filter(|(path, _)| is_inside(path));
        let uses = uses.map(|(_, used)| used);
        let globs = self.globs.get(module).into_iter().flatten();
        let used = uses.chain(globs).filter(|(is_public, _)| *is_public);
        let used = used.filter_map(|(_, of)| self.resolve(module, of.clone(), false, 0));
        own.chain(used).collect()
    }

    /// The absolute path of what `path` is for those in `module`, or, if it must be `public`, for
    /// those outside. That of other packages is given back as it is.
    fn resolve(
        &self,
        module: &Names,
        mut path: Names,
        public: bool,
        depth: usize,
    ) -> Option<Names> {
        if depth > 20 || path.is_empty() {
            return None;
        }
        let first = path.remove(0);
        let is_package = |name: &str| PACKAGES.iter().any(|(package, _)| *package == name);
        let start = match first.as_str() {
            "crate" => module[..1].to_vec(),
            "self" => module.clone(),
            "super" => module[..module.len() - 1].to_vec(),
            _ if is_package(&first) => vec![first],
            _ => match self.lookup(module, &first, path.is_empty(), public, depth) {
                Some(found) => found,
                None if public => return None,
                // What is not known here is a package.
                None => return Some([vec![first], path].concat()),
            },
        };
        self.follow(start, path, public, depth)
    }

    /// The absolute path of what `path` is below `start`.
    fn follow(&self, start: Names, mut path: Names, public: bool, depth: usize) -> Option<Names> {
        if path.is_empty() {
            return Some(start);
        }
        match self.entries.get(&start).map(|entry| entry.kind) {
            Some(Kind::Item | Kind::Constant) => {
                let member = [start, path].concat();
                self.entries.contains_key(&member).then_some(member)
            }
            None if !PACKAGES.iter().any(|(package, _)| *package == start[0]) => {
                Some([start, path].concat())
            }
            Some(Kind::Module) | None if path[0] == "super" => {
                let start = start[..start.len() - 1].to_vec();
                self.follow(start, path.split_off(1), public, depth)
            }
            Some(Kind::Module) | None => {
                let found = self.lookup(&start, &path[0], path.len() == 1, public, depth)?;
                self.follow(found, path.split_off(1), public, depth)
            }
        }
    }

    /// What a name is in a module. The `last` one of a path is no module, if it can be something
    /// else.
    fn lookup(
        &self,
        module: &Names,
        name: &str,
        last: bool,
        public: bool,
        depth: usize,
    ) -> Option<Names> {
        let path = [module.clone(), vec![name.to_owned()]].concat();
        let entry = self.entries.get(&path);
        let entry = entry.filter(|entry| entry.is_public || !public);
        let other = self.uses.get(&path);
        let other = other.filter(|(is_public, _)| *is_public || !public);
        match (entry, other) {
            (
                Some(Entry {
                    kind: Kind::Module, ..
                }),
                Some((_, of)),
            ) if last => {
                return self.resolve(module, of.clone(), false, depth + 1);
            }
            (Some(_), _) => return Some(path),
            (None, Some((_, of))) => return self.resolve(module, of.clone(), false, depth + 1),
            (None, None) => {}
        }
        let globs = self.globs.get(module)?;
        let mut globs = globs.iter().filter(|glob| glob.0 || !public);
        globs.find_map(|(_, of)| {
            let of = self.resolve(module, of.clone(), false, depth + 1)?;
            self.lookup(&of, name, last, true, depth + 1)
        })
    }

    fn read_file(
        &mut self,
        file: &Path,
        folder: &Path,
        module: &Names,
        impls: &mut Vec<(Names, syn::ItemImpl)>,
    ) {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        for item in parsed.items {
            self.add(item, folder, module, impls);
        }
    }

    fn add(
        &mut self,
        item: Item,
        folder: &Path,
        module: &Names,
        impls: &mut Vec<(Names, syn::ItemImpl)>,
    ) {
        let below = |name: &syn::Ident| [module.clone(), vec![name.to_string()]].concat();
        match item {
            Item::Mod(item) if is_for_tests(&item.attrs) => {}
            Item::Mod(item) => {
                let path = below(&item.ident);
                self.enter(path.clone(), &item.vis, Kind::Module, &item.attrs);
                let inside = folder.join(item.ident.to_string());
                match item.content {
                    Some((_, items)) => {
                        for item in items {
                            self.add(item, &inside, &path, impls);
                        }
                    }
                    None => self.read_file(&file_of(&inside), &inside, &path, impls),
                }
            }
            Item::Struct(item) => {
                let path = below(&item.ident);
                for field in &item.fields {
                    if let Some(name) = &field.ident {
                        let path = [path.clone(), vec![name.to_string()]].concat();
                        self.enter(path, &field.vis, Kind::Item, &field.attrs);
                    }
                }
                self.enter(path, &item.vis, Kind::Item, &item.attrs);
            }
            Item::Enum(item) => {
                let path = below(&item.ident);
                for variant in &item.variants {
                    let path = [path.clone(), vec![variant.ident.to_string()]].concat();
                    self.enter(path, &item.vis, Kind::Item, &variant.attrs);
                }
                self.enter(path, &item.vis, Kind::Item, &item.attrs);
            }
            Item::Trait(item) => {
                let path = below(&item.ident);
                for function in &item.items {
                    if let TraitItem::Fn(function) = function {
                        let name = function.sig.ident.to_string();
                        let path = [path.clone(), vec![name]].concat();
                        self.enter(path, &item.vis, Kind::Item, &function.attrs);
                    }
                }
                self.enter(path, &item.vis, Kind::Item, &item.attrs);
            }
            Item::Fn(item) => {
                self.enter(below(&item.sig.ident), &item.vis, Kind::Item, &item.attrs);
            }
            Item::Type(item) => self.enter(below(&item.ident), &item.vis, Kind::Item, &item.attrs),
            Item::Const(item) => {
                self.enter(below(&item.ident), &item.vis, Kind::Constant, &item.attrs);
            }
            Item::Use(item) => {
                let is_public = is_public(&item.vis);
                self.add_use(module, Vec::new(), &item.tree, is_public);
            }
            Item::Macro(item) => {
                if let Some(name) = &item.ident
                    && item
                        .attrs
                        .iter()
                        .any(|it| it.path().is_ident("macro_export"))
                {
                    let path = vec![module[0].clone(), name.to_string()];
                    let public = Visibility::Public(Default::default());
                    self.enter(path, &public, Kind::Item, &item.attrs);
                }
                if let (Some(name), Some(methods)) = (&item.ident, methods_of(&item)) {
                    self.macros.insert(name.to_string(), methods);
                }
            }
            Item::Impl(item) if item.trait_.is_none() => impls.push((module.clone(), item)),
            _ => {}
        }
    }

    fn enter(
        &mut self,
        path: Names,
        visibility: &Visibility,
        kind: Kind,
        attributes: &[Attribute],
    ) {
        let entry = Entry {
            is_public: is_public(visibility) && !is_hidden(attributes),
            kind,
            aliases: attributes.iter().filter_map(alias).collect(),
            has_example: has_example(attributes),
        };
        self.entries.insert(path, entry);
    }

    fn add_use(&mut self, module: &Names, before: Names, tree: &UseTree, is_public: bool) {
        let mut path = before;
        let (name, of) = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.add_use(module, path, &tree.tree, is_public);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(module, path.clone(), tree, is_public);
                }
                return;
            }
            UseTree::Glob(_) => {
                let globs = self.globs.entry(module.clone()).or_default();
                return globs.push((is_public, path));
            }
            UseTree::Name(name) if name.ident == "self" => {
                (path.last().unwrap().clone(), path.clone())
            }
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                (name.ident.to_string(), path)
            }
            UseTree::Rename(rename) => {
                path.push(rename.ident.to_string());
                (rename.rename.to_string(), path)
            }
        };
        let name = [module.clone(), vec![name]].concat();
        self.uses.entry(name).or_insert((is_public, of));
    }

    fn add_impl(&mut self, module: &Names, item: syn::ItemImpl) {
        let Type::Path(of) = &*item.self_ty else {
            return;
        };
        let of = of
            .path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        let Some(of) = self.resolve(module, of.collect(), false, 0) else {
            return;
        };
        let mut items = item.items;
        let macros = items.iter().filter_map(|item| match item {
            ImplItem::Macro(call) => self.macros.get(&call.mac.path.get_ident()?.to_string()),
            _ => None,
        });
        let methods: Vec<_> = macros.flatten().cloned().collect();
        items.extend(methods);
        for function in items {
            if let ImplItem::Fn(function) = function
                && is_public(&function.vis)
            {
                let path = [of.clone(), vec![function.sig.ident.to_string()]].concat();
                self.enter(path, &function.vis, Kind::Item, &function.attrs);
            }
        }
    }
}
