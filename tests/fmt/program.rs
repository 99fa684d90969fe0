//! Programs made of random bytes: statements of every kind, with anything between their tokens that may
//! stand there. They parse, whatever the bytes are, and mean nothing.

/// A program from the bytes that choose its tokens, and those that choose what stands between them.
pub fn program(choices: &[u8], between: &[u8]) -> String {
    let mut maker = Maker { choices: choices.iter().copied(), tokens: Vec::new(), depth: 0 };
    while maker.choices.len() > 0 {
        maker.statement();
    }
    spread(&maker.tokens, between)
}

/// What may stand between two tokens. The first are the most common.
const BETWEEN: [&str; 24] = [
    " ",
    "",
    "\n",
    "  ",
    "\n\n",
    "\n    ",
    " // said\n",
    "\n// alone\n",
    "\n\n/// known\n",
    "/* within */",
    " /* behind */\n",
    "\n/* alone */\n",
    "\n/* ahead */ ",
    "/* two\n   lines */",
    "\n        /* three\n         * lines\n\n         */\n",
    "\t",
    "\r\n",
    "\n\n\n\n",
    " //\n\n",
    " /// behind   \r\n",
    "\u{feff}",
    "/**//***/",
    "\n//// four \"\n\n// more {\n\n\n",
    "/* \" ] */ // ${\n",
];

/// To be put somewhere into a program.
pub const PIECES: [&str; 22] = [
    " // said\n",
    "\n// alone\n",
    "\n/// known\n",
    "/* within */",
    " /* behind */\n",
    "\n/* ahead */ ",
    "/* two\n   lines */",
    "\n\n\n",
    "\n",
    "\r\n",
    " ",
    ",",
    ";",
    "(",
    ")",
    "{ }",
    "[a, b]",
    " + ",
    "\"\"\"\n  x\n  \"\"\"",
    "if a then b else c",
    "a 1;",
    "x extends T { };",
];

fn spread(tokens: &[String], between: &[u8]) -> String {
    let mut text = String::new();
    let mut bytes = between.iter().cycle();
    for token in tokens {
        let byte = bytes.next().copied().unwrap_or(0);
        // Half of all places have but a space.
        let blanks = if byte < 128 { " " } else { BETWEEN[usize::from(byte - 128) % BETWEEN.len()] };
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '"');
        let touches = text.ends_with(word) && token.starts_with(word);
        // A `/` and a comment behind it would be another comment.
        if touches && blanks.is_empty() || text.ends_with('/') && blanks.starts_with('/') {
            text.push(' ');
        }
        text.push_str(blanks);
        text.push_str(token);
    }
    text.push_str(BETWEEN[usize::from(bytes.next().copied().unwrap_or(0)) % BETWEEN.len()]);
    text
}

struct Maker<I> {
    choices: I,
    tokens: Vec<String>,
    depth: usize,
}

const NAMES: [&str; 8] = ["a", "bucket", "x1", "fn", "param", "formerly", "aRatherLongNameForSomething", "S3"];
const TEMPLATES: [&str; 3] = ["T", "TransientS3Bucket", "Web"];
const OPERATORS: [&str; 15] = ["+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "??", ".."];
const LITERALS: [&str; 8] = [
    "\"x\"",
    "\"a \\\" b\"",
    "\"// no\"",
    "\"/* no\"",
    "\"]}\"",
    "\"\\u{1F438} \u{1F438}\"",
    "\"a text that takes a good part of a line\"",
    "\" \"",
];
const KEYS: [&str; 2] = ["\"${a}\"", "\"b/${ c  + [1] /* d */ }\""];
const TEXTS: [&str; 8] = [
    "\"${a}\"",
    "\"b ${ [1,  2] /* c */ } d\"",
    "\"\"\"\n    one\n      two\n    \"\"\"",
    "\"\"\"  \n\ttabs ${a  +b}\r\n\t  // no\n\n\"\"\"",
    "\"\"\"one line\"\"\"",
    "\"${ \"\"\"\n  in\n  \"\"\" }\"",
    "\"${\n  a // c\n}\"",
    "\"a text that takes more than a line, of which it has been said that they may have one hundred columns\"",
];
const ATOMS: [&str; 17] = [
    "a",
    "1",
    "1_000",
    "1.50",
    "9007199254740993",
    "30s",
    "8GiB",
    "null",
    "true",
    "false",
    "this",
    "parent",
    "root",
    "super",
    "formerly",
    "is",
    "B2",
];

impl<I: Iterator<Item = u8> + ExactSizeIterator> Maker<I> {
    /// A number below another one. When no byte is left it is 0, which is always the end of something.
    fn pick(&mut self, below: usize) -> usize {
        self.choices.next().map_or(0, |byte| usize::from(byte) % below)
    }

    fn put(&mut self, tokens: &[&str]) {
        self.tokens.extend(tokens.iter().map(|token| token.to_string()));
    }

    fn one_of(&mut self, list: &[&str]) {
        let choice = self.pick(list.len());
        self.put(&[list[choice]]);
    }

    /// Up to so many, with commas.
    fn list(&mut self, least: usize, most: usize, part: fn(&mut Self)) -> usize {
        let count = least + self.pick(most - least + 1);
        for at in 0..count {
            if at > 0 {
                self.put(&[","]);
            }
            part(self);
        }
        count
    }

    fn name(&mut self) {
        self.one_of(&NAMES);
    }

    fn template(&mut self) {
        self.one_of(&TEMPLATES);
    }

    fn statement(&mut self) {
        match self.pick(12) {
            0 => {
                self.put(&["import"]);
                self.one_of(&LITERALS);
                self.put(&[";"]);
            }
            1 => {
                self.put(&["param"]);
                self.name();
                self.declared();
            }
            2 => {
                self.put(&["output"]);
                self.name();
                if self.pick(2) == 1 {
                    self.put(&[":"]);
                    self.ty();
                }
                self.put(&["="]);
                self.expr();
                self.put(&[";"]);
            }
            3 => {
                self.put(&["assert"]);
                self.expr();
                self.put(&[":", "\"because ${a}\"", ";"]);
            }
            4 => {
                self.put(&["type"]);
                self.template();
                self.put(&["="]);
                self.ty();
                match self.pick(5) {
                    1 => self.put(&["in", "-", "5", "..", "1_0"]),
                    2 => self.put(&["in", "1", "..", "5"]),
                    3 => self.put(&["matching", "\"^a\\\\.$\""]),
                    4 => self.put(&["is", "cidr"]),
                    _ => {}
                }
                self.put(&[";"]);
            }
            5 => {
                self.put(&["fn", "f", "("]);
                let count = self.list(0, 3, |maker| {
                    maker.name();
                    maker.put(&[":"]);
                    maker.ty();
                });
                if count > 0 && self.pick(3) == 1 {
                    self.put(&[","]);
                }
                self.put(&[")"]);
                if self.pick(2) == 1 {
                    self.put(&[":"]);
                    self.ty();
                }
                self.put(&["="]);
                self.expr();
                self.put(&[";"]);
            }
            _ => self.item(),
        }
    }

    fn declared(&mut self) {
        self.put(&[":"]);
        self.ty();
        for _ in 0..self.pick(3) {
            self.put(&[","]);
            self.one_of(&["final", "inherit", "secret"]);
            if self.pick(3) == 1 {
                self.one_of(&LITERALS);
            }
        }
        if self.pick(2) == 1 {
            self.put(&["="]);
            self.expr();
        }
        self.put(&[";"]);
    }

    fn item(&mut self) {
        if self.depth > 5 {
            return self.put(&["a", "1", ";"]);
        }
        self.depth += 1;
        if self.pick(8) == 1 {
            let made = self.pick(3) == 1;
            self.one_of(if made { &KEYS } else { &LITERALS });
            if self.pick(2) == 1 { self.merged() } else { self.set() }
        } else {
            self.name();
            match self.pick(8) {
                0 | 1 => self.set(),
                2 => self.merged(),
                3 => self.declared(),
                4 => {
                    self.put(&[".", "b", "[", "\"k\"", "]", ".", "c"]);
                    self.set();
                }
                5 => {
                    self.put(&["[", "1_0", "]"]);
                    self.merged();
                }
                _ => self.defined(),
            }
        }
        self.depth -= 1;
    }

    fn set(&mut self) {
        match self.pick(6) {
            // Not in parentheses, which those that begin with a bracket may need.
            1 => self.conditional(),
            2 => self.comprehension(),
            3 => {
                self.put(&["("]);
                self.expr();
                self.put(&[")"]);
            }
            4 => self.elements(),
            5 => {
                self.put(&["a", "+"]);
                self.expr();
            }
            _ => self.one_of(&ATOMS),
        }
        self.put(&[";"]);
    }

    fn merged(&mut self) {
        self.block();
        if self.pick(3) == 1 {
            self.put(&[";"]);
        }
    }

    fn defined(&mut self) {
        let repeated = self.pick(4) == 1;
        if repeated {
            self.put(&["["]);
            self.list(1, 2, Self::name);
            self.put(&["in"]);
            self.expr();
            self.put(&["]"]);
        }
        if self.pick(4) == 1 {
            self.put(&["formerly"]);
            self.list(1, 2, |maker| {
                maker.put(&["old"]);
                match maker.pick(4) {
                    3 => {
                        maker.put(&["["]);
                        maker.expr();
                        maker.put(&["]"]);
                    }
                    1 => maker.put(&[".", "b"]),
                    2 => maker.put(&["[", "\"k\"", "]", ".", "c", "[", "0", "]"]),
                    _ => {}
                }
            });
        }
        if self.pick(4) == 1 {
            self.put(&["if"]);
            self.expr();
        }
        self.put(&["extends"]);
        self.list(1, 3, Self::template);
        if self.pick(8) == 1 { self.put(&[";"]) } else { self.merged() }
    }

    fn block(&mut self) {
        self.put(&["{"]);
        for _ in 0..self.pick(4) {
            self.item();
        }
        self.put(&["}"]);
    }

    fn ty(&mut self) {
        match self.pick(6) {
            1 if self.depth < 6 => {
                self.depth += 1;
                self.put(&["["]);
                self.ty();
                self.put(&["]"]);
                self.depth -= 1;
            }
            2 if self.depth < 6 => {
                self.depth += 1;
                self.put(&["{", "String", ":"]);
                self.ty();
                self.put(&["}"]);
                self.depth -= 1;
            }
            3 => {
                for _ in 0..self.pick(3) {
                    self.one_of(&LITERALS);
                    self.put(&["|"]);
                }
                self.one_of(&LITERALS);
            }
            _ => self.template(),
        }
        if self.pick(3) == 1 {
            self.put(&["?"]);
        }
    }

    // ---- expressions

    fn expr(&mut self) {
        if self.depth > 6 {
            return self.one_of(&ATOMS);
        }
        self.depth += 1;
        match self.pick(12) {
            1 => self.conditional(),
            _ => {
                self.operand();
                for _ in 0..self.pick(4).saturating_sub(1) {
                    self.one_of(&OPERATORS);
                    self.operand();
                }
            }
        }
        self.depth -= 1;
    }

    fn operand(&mut self) {
        match self.pick(8) {
            1 => self.put(&["-"]),
            2 => self.put(&["!", "-", "!"]),
            _ => {}
        }
        self.primary();
        for _ in 0..self.pick(5).saturating_sub(2) {
            match self.pick(5) {
                0 => self.put(&[".", "b"]),
                1 => self.put(&["?.", "b"]),
                2 => self.put(&["[", "*", "]"]),
                at => {
                    self.put(&[if at == 3 { "?[" } else { "[" }]);
                    self.expr();
                    self.put(&["]"]);
                }
            }
        }
    }

    fn primary(&mut self) {
        match self.pick(14) {
            1 => {
                self.put(&["("]);
                self.expr();
                self.put(&[")"]);
            }
            2 => {
                self.put(&["(", "("]);
                self.expr();
                self.put(&[")", ")"]);
            }
            3 | 4 => {
                self.put(&["f", "("]);
                if self.list(0, 3, Self::expr) > 0 && self.pick(3) == 1 {
                    self.put(&[","]);
                }
                self.put(&[")"]);
            }
            5 | 6 => self.elements(),
            7 => self.comprehension(),
            8 => self.block(),
            9 => {
                self.template();
                self.block();
            }
            10 => self.one_of(&TEXTS),
            11 => self.one_of(&LITERALS),
            _ => self.one_of(&ATOMS),
        }
    }

    fn elements(&mut self) {
        self.put(&["["]);
        let count = self.list(0, 4, |maker| {
            if maker.pick(5) == 1 {
                maker.put(&["..."]);
            }
            maker.expr();
        });
        if count > 0 && self.pick(3) == 1 {
            self.put(&[","]);
        }
        self.put(&["]"]);
    }

    fn conditional(&mut self) {
        self.put(&["if"]);
        self.expr();
        self.put(&["then"]);
        self.expr();
        self.put(&["else"]);
        self.expr();
    }

    fn comprehension(&mut self) {
        let keyed = self.pick(2) == 1;
        self.put(&[if keyed { "{" } else { "[" }, "for"]);
        self.list(1, 2, Self::name);
        self.put(&["in"]);
        self.expr();
        if self.pick(3) == 1 {
            self.put(&["if"]);
            self.expr();
        }
        if keyed {
            self.put(&[":"]);
            self.expr();
        }
        self.put(&[":"]);
        self.expr();
        self.put(&[if keyed { "}" } else { "]" }]);
    }
}
