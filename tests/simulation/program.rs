//! Programs made from chances, and what becomes of them: each step starts, changes, replaces, renames
//! and removes components of the one before. What they refer to always stands earlier in the list.

use std::fmt::Write;

use fastrand::Rng;

/// What every program is made of. The canary is in every password.
pub const TYPES: &str = r#"
Net extends Resource { kind "sim.Net"; name: String, identity; size: Int = 1; image: String, immutable = "one"; on: Resource?; address: String, computed; }
Host extends Resource {
    kind "sim.Host";
    on: Resource?;
    home: Resource?, immutable;
    near: [Resource] = [];
    by: {String: Resource} = {};
    size: Int = 1;
    image: String, immutable = "one";
    note: String?;
    password: String?, secret;
    address: String, computed;
}
Say extends Act { kind "sim.Say"; word: String; hush: String?, secret; }
Note extends Resource { kind "sim.Note"; size: Int = 1; image: String, immutable = "one"; note: String?; address: String, computed; }
"#;

/// A secret in every program. No byte of it may be written anywhere.
pub const CANARY: &str = "canary/Se+cret%41";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Named by an attribute.
    Net,
    Host,
    /// The only one that may be left standing: it holds nothing else in use.
    Note,
}

/// A component, or several in a repetition.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    uid: u32,
    name: u32,
    grouped: bool,
    /// Names that it had, in the group or outside of it.
    formerly: Vec<(bool, u32)>,
    shape: Shape,
    count: Option<usize>,
    identity: u32,
    size: u32,
    image: u32,
    on: Option<u32>,
    home: Option<u32>,
    near: Vec<u32>,
    by: Vec<u32>,
    /// Whose address is in its note.
    note: Option<u32>,
    after: Option<u32>,
    secret: bool,
    standing: bool,
    /// What is said in its lists besides: at the start, on a change, at the end.
    says: [Vec<Word>; 3],
}

/// An action of the cloud.
#[derive(Clone, PartialEq, Debug)]
struct Word {
    number: u32,
    /// Whether a failure of it is only a warning.
    soft: bool,
    secret: bool,
}

impl Word {
    /// Up to two.
    fn some(rng: &mut Rng) -> Vec<Word> {
        let count = [0, 0, 1, 2][rng.usize(..4)];
        (0..count).map(|_| Word { number: rng.u32(..9), soft: rng.u32(..4) == 0, secret: rng.u32(..4) == 0 }).collect()
    }

    fn written(&self) -> String {
        let soft = if self.soft { " onFailure \"warn\";" } else { "" };
        let hush = if self.secret { format!(" hush \"{CANARY}\";") } else { String::new() };
        format!("Say {{ word \"{}\";{soft}{hush} }}", self.number)
    }
}

impl Part {
    fn holds(&self, uid: u32) -> bool {
        let mut one = [self.on, self.home].into_iter().flatten();
        one.any(|other| other == uid) || self.near.contains(&uid) || self.by.contains(&uid)
    }

    fn forget(&mut self, uid: u32) {
        for one in [&mut self.on, &mut self.home, &mut self.note, &mut self.after] {
            *one = one.filter(|other| *other != uid);
        }
        self.near.retain(|other| *other != uid);
        self.by.retain(|other| *other != uid);
    }

    fn called(&self) -> String {
        if self.grouped { format!("g.c{}", self.name) } else { format!("c{}", self.name) }
    }
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Program {
    /// What is referred to comes first.
    parts: Vec<Part>,
    next: u32,
    /// Names that others had, and that a new one may get.
    free: Vec<u32>,
}

impl Program {
    /// How many resources it has.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.count.unwrap_or(1)).sum()
    }

    /// A program of about so many resources.
    pub fn random(rng: &mut Rng, resources: usize) -> Program {
        let mut program = Program::default();
        while program.len() < resources {
            program.add(rng);
        }
        program
    }

    /// The next version of it; `before` are all until now, any of which may still be what there is.
    pub fn evolved(&self, rng: &mut Rng, resources: usize, before: &[Program]) -> Program {
        if rng.u32(..12) == 0 {
            return Program { parts: Vec::new(), ..self.clone() };
        }
        let mut program = self.clone();
        for _ in 0..1 + rng.usize(..2 + self.parts.len() / 2) {
            program.change(rng, resources);
        }
        program.rename_what_is_held(before);
        program
    }

    /// A named thing that others hold can only be made anew under another name: the old one has to go
    /// first otherwise, which a cloud refuses.
    fn rename_what_is_held(&mut self, before: &[Program]) {
        for at in 0..self.parts.len() {
            let part = &self.parts[at];
            let anew = |program: &Program| {
                let mut parts = program.parts.iter();
                parts.any(|old| old.uid == part.uid && old.identity == part.identity && old.image != part.image)
            };
            let held = |program: &Program| program.parts.iter().any(|other| other.holds(part.uid));
            if part.shape == Shape::Net && before.iter().any(anew) && (held(self) || before.iter().any(held)) {
                self.parts[at].identity = self.next;
                self.next += 1;
            }
        }
    }

    fn change(&mut self, rng: &mut Rng, resources: usize) {
        let count = self.parts.len();
        let many = self.len() >= resources;
        if count == 0 || (!many && rng.u32(..4) == 0) {
            return self.add(rng);
        }
        let at = rng.usize(..count);
        let earlier: Vec<u32> = self.parts[..at].iter().map(|part| part.uid).collect();
        let any = |rng: &mut Rng| rng.choice(earlier.iter().copied());
        let next = self.next;
        let part = &mut self.parts[at];
        match rng.u32(..16) {
            0 | 1 => part.size += 1,
            2 => part.image += 1,
            3 => part.on = any(rng),
            4 => part.home = any(rng),
            5 => part.near = any(rng).into_iter().chain(any(rng)).collect(),
            6 => part.by = any(rng).into_iter().collect(),
            7 => part.note = any(rng),
            8 => part.after = any(rng),
            9 if rng.bool() => part.secret = !part.secret,
            9 => part.says[rng.usize(..3)] = Word::some(rng),
            10 => {
                // Under another name from now on, perhaps in the group or out of it.
                let old = (part.grouped, part.name);
                part.formerly.insert(0, old);
                if rng.bool() {
                    part.grouped = !part.grouped;
                } else {
                    // What has a name in the cloud would have to give it away.
                    self.free.extend((part.shape != Shape::Net).then_some(part.name));
                    part.name = next;
                    self.next += 1;
                }
            }
            11 => {
                part.count = match part.count {
                    Some(_) if rng.bool() => None,
                    Some(count) => Some((count + rng.usize(1..4) - 2).max(1)),
                    None => Some(rng.usize(1..4)),
                }
            }
            12 | 13 => {
                let gone = self.parts.remove(at);
                self.free.extend((gone.shape != Shape::Net).then_some(gone.name));
                self.parts.iter_mut().for_each(|part| part.forget(gone.uid));
            }
            14 if at > 0 => {
                // What needed the other is needed by it from now on.
                let (one, two) = (self.parts[at - 1].uid, self.parts[at].uid);
                self.parts[at].forget(one);
                self.parts.swap(at - 1, at);
                match rng.u32(..3) {
                    0 => self.parts[at].on = Some(two),
                    1 => self.parts[at].after = Some(two),
                    _ => self.parts[at].note = Some(two),
                }
            }
            15 if part.shape == Shape::Note => part.standing = !part.standing,
            15 if part.shape == Shape::Net => {
                part.identity = next;
                self.next += 1;
            }
            _ => part.size += 2,
        }
    }

    fn add(&mut self, rng: &mut Rng) {
        let uid = self.next;
        self.next += 1;
        let all: Vec<u32> = self.parts.iter().map(|part| part.uid).collect();
        let at = if rng.u32(..3) == 0 { rng.usize(..=all.len()) } else { all.len() };
        let any =
            |rng: &mut Rng, of: u32| if rng.u32(..of) == 0 { rng.choice(all[..at].iter().copied()) } else { None };
        let shape = *rng.choice([Shape::Net, Shape::Host, Shape::Host, Shape::Note].iter()).unwrap();
        let name = match self.free.pop() {
            Some(name) if rng.bool() && shape != Shape::Net => name,
            Some(_) | None => uid,
        };
        let part = Part {
            uid,
            name,
            grouped: rng.u32(..5) == 0,
            formerly: Vec::new(),
            shape,
            count: (rng.u32(..5) == 0).then(|| rng.usize(1..4)),
            identity: uid,
            size: rng.u32(..5),
            image: 0,
            on: any(rng, 2),
            home: any(rng, 5),
            near: any(rng, 4).into_iter().chain(any(rng, 4)).collect(),
            by: any(rng, 6).into_iter().collect(),
            note: any(rng, 3),
            after: any(rng, 6),
            secret: rng.u32(..3) == 0,
            standing: shape == Shape::Note && rng.u32(..4) == 0,
            says: if rng.bool() { Default::default() } else { [(); 3].map(|()| Word::some(rng)) },
        };
        self.parts.insert(at, part);
    }

    /// As it is written; nothing when there is nothing in it.
    pub fn text(&self) -> Option<String> {
        if self.parts.is_empty() {
            return None;
        }
        let mut text = TYPES.to_string();
        for part in self.parts.iter().filter(|part| !part.grouped) {
            self.write(part, &mut text);
        }
        if self.parts.iter().any(|part| part.grouped) {
            text.push_str("g extends Compound {\n");
            for part in self.parts.iter().filter(|part| part.grouped) {
                text.push_str("    ");
                self.write(part, &mut text);
            }
            text.push_str("}\n");
        }
        if let Some(last) = self.parts.last() {
            let _ = writeln!(text, "output last: String = {}.address;", self.one(last.uid, None));
        }
        Some(text)
    }

    /// One thing by its name in the program; of a repetition, the one with the same number.
    fn one(&self, uid: u32, by: Option<&Part>) -> String {
        let part = self.parts.iter().find(|part| part.uid == uid).expect("what is referred to is there");
        match (part.count, by.and_then(|by| by.count)) {
            (None, _) => part.called(),
            (Some(count), Some(own)) if own <= count => format!("{}[i]", part.called()),
            (Some(count), _) => format!("{}[{}]", part.called(), uid as usize % count),
        }
    }

    fn write(&self, part: &Part, text: &mut String) {
        let _ = write!(text, "c{}", part.name);
        if let Some(count) = part.count {
            let _ = write!(text, "[i in 0..{count}]");
        }
        let former: Vec<String> = part
            .formerly
            .iter()
            .filter(|(grouped, name)| (*grouped, *name) != (part.grouped, part.name))
            .map(|(grouped, name)| match (grouped, part.grouped) {
                (true, false) => format!("g.c{name}"),
                (true, true) => format!("c{name}"),
                (false, true) => format!("root.c{name}"),
                (false, false) => format!("c{name}"),
            })
            .collect();
        if !former.is_empty() {
            let _ = write!(text, " formerly {}", former.join(", "));
        }
        let (number, index) = if part.count.is_some() { (" + i", "-${i}") } else { ("", "") };
        let one = |uid: &u32| self.one(*uid, Some(part));
        let _ = write!(text, " extends {:?} {{ size {}{number}; image \"{}\";", part.shape, part.size, part.image);
        if part.shape == Shape::Net {
            let _ = write!(text, " name \"net-{}{index}\";", part.identity);
        }
        if part.shape != Shape::Note
            && let Some(on) = &part.on
        {
            let _ = write!(text, " on {};", one(on));
        }
        if part.shape == Shape::Host {
            if let Some(home) = &part.home {
                let _ = write!(text, " home {};", one(home));
            }
            if !part.near.is_empty() {
                let _ = write!(text, " near [{}];", part.near.iter().map(one).collect::<Vec<_>>().join(", "));
            }
            for (at, other) in part.by.iter().enumerate() {
                let _ = write!(text, " by.k{at} {};", one(other));
            }
            if part.secret {
                let _ = write!(text, " password \"{CANARY}\";");
            }
        }
        if part.shape != Shape::Net
            && let Some(other) = &part.note
        {
            let _ = write!(text, " note \"at ${{{}.address}}\";", one(other));
        }
        if let Some(other) = &part.after {
            let _ = write!(text, " dependsOn [{}];", one(other));
        }
        let [start, update, end] = [0, 1, 2].map(|list| {
            let words: Vec<String> = part.says[list].iter().map(Word::written).collect();
            words.join(", ")
        });
        if !start.is_empty() {
            let _ = write!(text, " startActions [...super, {start}];");
        }
        if !update.is_empty() {
            let _ = write!(text, " updateActions [{update}, ...super];");
        }
        if !end.is_empty() && !part.standing {
            let _ = write!(text, " terminateActions [{end}, ...super];");
        }
        if part.standing {
            text.push_str(" terminateActions [];");
        }
        text.push_str(" }\n");
    }
}
