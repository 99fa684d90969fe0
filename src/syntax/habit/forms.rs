//! The phrase book: forms of other languages beside what is said of them, one row each.

/// A habit of syntax.
///
/// The form is a phrase of the other language. `<word>` stands for something of the user's; what it takes
/// is said by [`class`]. A space takes any white space. `@` is the place where reading failed: what stands
/// before it may begin anywhere in the statement, or with `^` at its start. A form without `@` is the
/// beginning of a statement, or of one around it. The label stands at `«...»`, else at the place, else at
/// all that the form takes.
///
/// In the message, the label and the help `<word>` is filled in again, and `<word change>` as one of
/// [`super::write::CHANGES`] makes it. The first row that fits speaks.
pub(super) struct Habit {
    pub form: &'static str,
    pub message: &'static str,
    pub label: &'static str,
    pub help: &'static str,
}

const fn row(form: &'static str, message: &'static str, label: &'static str, help: &'static str) -> Habit {
    Habit { form, message, label, help }
}

pub(super) static HABITS: &[Habit] = &[
    // ---- HCL: blocks
    row(
        r#"resource "aws_s3_bucket" "<name>" {<body>"#,
        "`<name>` is made without `resource`",
        "this is HCL",
        "write `<name camel> extends TransientS3Bucket { <body bucket> }`",
    ),
    row(
        r#"resource "aws_instance" "<name>" {<body>"#,
        "`<name>` is made without `resource`",
        "this is HCL",
        "write `<name camel> extends ImageInstance { <body instance> }`",
    ),
    row(
        r#"resource "<type>" "<name>""#,
        "`<name>` is made without `resource`",
        "this is HCL",
        "write `<name camel> extends <type template> { ... }`",
    ),
    row(
        r#"data "aws_s3_bucket" "<name>""#,
        "what exists already is a component too, one without start actions",
        "this is HCL",
        "write `<name camel> extends S3Bucket { bucket \"...\"; }`",
    ),
    row(
        r#"data "<type>" "<name>""#,
        "what exists already is a component too, one without start actions",
        "this is HCL",
        "write `<name camel> extends <type template> { startActions []; ... }`",
    ),
    row(
        r#"variable "<name>" {<body>"#,
        "what is given from outside is a `param`",
        "this is HCL",
        "write `param <name>: <body param>;`",
    ),
    row(
        r#"output "<name>" {<body>"#,
        "an output has no block",
        "this is HCL",
        "write `output <name> = <body output>;`",
    ),
    row(
        r#"locals {<body>"#,
        "names of one's own stand at the top of the program, without a block",
        "this is HCL",
        "write `<body settings>` at the top",
    ),
    row(
        r#"module "<name>" {<body>"#,
        "a module is a template here, and each use of it a component",
        "this is HCL",
        "write `import \"<body source>\";` and `<name camel> extends <name Camel> { ... }`",
    ),
    row(
        r#"provider "<name>" {<body>"#,
        "a provider is not configured: its resources say where they live",
        "this is HCL",
        "write `<body settings>` at the top, or in a component for what is in it",
    ),
    row(
        r#"terraform {"#,
        "there is nothing to configure in a `terraform` block",
        "this is HCL",
        "remove it: the state lies beside the program, and the library is always there",
    ),
    row(
        r#"moved { from = <path> to = <object>"#,
        "a component says itself what it was called before",
        "this is HCL",
        "write `<object reference> formerly <path reference> extends ...`",
    ),
    row(
        r#"lifecycle {"#,
        "what happens to a thing is said by its four lists of actions",
        "this is HCL",
        "write `terminateActions [];` to keep it, `updateActions [];` to have it never changed",
    ),
    row(
        r#"dynamic "<name>" {"#,
        "a block is not repeated, it is made a list",
        "this is HCL",
        "write `<name camel> [for x in xs: { ... }];`",
    ),
    // ---- statements of programming languages
    row(
        r#"«<export>» <name> = <value>"#,
        "what others may see is an `output`",
        "this is TypeScript",
        "write `output <name> = <value value>;`",
    ),
    row(
        r#"«<const>» <name> = <maker> ("#,
        "`<name>` is made without `new`",
        "this is TypeScript",
        "write `<name> extends <maker template> { ... }`",
    ),
    row(
        r#"«<const>» <name> = (<args>) =>"#,
        "a function is made with `fn`",
        "this is TypeScript",
        "write `fn <name>(<args typed>) = ...;` at the top of the file",
    ),
    row(
        r#"«<const>» <name> = <value>"#,
        "`<name>` is set with its name alone",
        "this is TypeScript",
        "write `<name> <value value>;`",
    ),
    row(
        r#"«new» <maker> ("<text>""#,
        "`<text>` is made without `new`",
        "this is TypeScript",
        "write `<text camel> extends <maker template> { ... }`",
    ),
    row(
        r#"<name> @= <maker> (<value>"#,
        "`<name>` is made without a call",
        "expected `extends`",
        "write `<name> extends <maker template> { ... }`",
    ),
    row(
        r#"«import» <rest> from "<text>""#,
        "there is nothing to import from `<text>`",
        "this is TypeScript",
        "remove it: the library is always there; a file of your own is `import \"lib.cloud\";`",
    ),
    row(
        r#"«from» <path> import <rest>"#,
        "there is nothing to import from `<path>`",
        "this is Python",
        "remove it: the library is always there; a file of your own is `import \"lib.cloud\";`",
    ),
    row(
        r#"«class» <Template> extends <Base>"#,
        "a template is made without `class`",
        "leave `class` out",
        "write `<Template> extends <Base> { ... }`",
    ),
    row(
        r#"«class» <Template> (<args>)"#,
        "a template is made with `extends`",
        "this is Python",
        "write `<Template> extends <args> { ... }`",
    ),
    row(
        r#"«<function>» <name> (<args>)"#,
        "a function is made with `fn`, and is one expression",
        "this is another language",
        "write `fn <name camel>(<args typed>) = ...;` at the top of the file",
    ),
    row(
        r#"^fn <name> («<args>») @="#,
        "the parameters of a function have types",
        "expected `:` and a type behind each",
        "write `fn <name>(<args typed>) = ...;`",
    ),
    row(
        r#"«if» <condition> {<body>"#,
        "`if` stands behind the name of a component, not around it",
        "this is another language",
        "write `<body made> if <condition trim> extends <body extended> { ... }`",
    ),
    row(
        r#"«for» <word> in <over> {<body>"#,
        "a component is repeated behind its name, not from around it",
        "this is another language",
        "write `<body made>[<word> in <over trim>] extends <body extended> { ... }`",
    ),
    row(
        r#"^<name> «<word>» @in <over> extends <Template>"#,
        "what `<name>` is repeated over stands in brackets",
        "expected `[` before this",
        "write `<name>[<word> in <over trim>] extends <Template> { ... }`",
    ),
    row(
        r#"^<name> «[<number>]» @extends <Template>"#,
        "`<name>` is repeated over a range",
        "this chooses one element",
        "write `<name>[i in 0..<number>] extends <Template> { ... }`",
    ),
    row(
        r#"resource <name> '"#,
        "`<name>` is made without `resource`",
        "this is Bicep",
        "write `<name> extends TEMPLATE { ... }`",
    ),
    // ---- comments, before all that has a `#` or a `-` in it
    row(
        r#"@«#include» "<text>""#,
        "a file is brought in with `import`",
        "this is SmartFrog",
        "write `import \"<text cloud>\";`",
    ),
    row(
        r#"^<name> : @«#» <Template>"#,
        "`<name>` is made with `extends`",
        "this is CUE",
        "write `<name> extends <Template> { ... }`",
    ),
    row(r#"@#<rest>"#, "a comment begins with `//`", "write `//` here", "write `//<rest short>`"),
    row(
        r#"^@«---»"#,
        "a file is one program, and has no document marks",
        "this is YAML",
        "remove it; attributes are set as `region \"eu-west-1\";`",
    ),
    row(r#"^@«--»<rest>"#, "a comment begins with `//`", "write `//` here", "write `//<rest short>`"),
    // ---- YAML, JSON, CUE
    row(
        r#"^<name> : @extends : <Template>"#,
        "`<name>` is made with `extends` and braces",
        "this is YAML",
        "write `<name> extends <Template> { ... }`",
    ),
    row(
        r#"^<name> : @<word> :"#,
        "what is in `<name>` stands in braces",
        "this is YAML",
        "write `<name> { <word> ...; }` for a map, `<name> extends TEMPLATE { ... }` for a component",
    ),
    row(
        r#"<name> : {<inner>"#,
        "what is in `<name>` stands in braces without `:`",
        "this is CUE",
        "write `<name> { ... }` for a map, `<name> extends TEMPLATE { ... }` for a component",
    ),
    row(r#"^<path> : @<items>"#, "a list stands in brackets", "this is YAML", "write `<path> [<items items>];`"),
    row(r#"<path><dashes>"#, "a list stands in brackets", "this is YAML", "write `<path> [<dashes items>];`"),
    row(
        r#"^<path> : @<fold>"#,
        "a text of several lines stands between `\"\"\"`",
        "this is YAML",
        "write `<path> \"\"\"`, the text, and `\"\"\";`",
    ),
    row(
        r#"^@{ "<key>" :"#,
        "a program is not JSON",
        "this is JSON",
        "write `<key camel> extends TEMPLATE { ... }` for a component, `<key camel> ...;` for an attribute",
    ),
    // ---- keys of maps that are made of values
    row(
        r#"^@«(<path>)» <setter> <value>"#,
        "a key that is made of a value is a text",
        "keys have no parentheses",
        "write `\"${<path>}\" <value value>;`",
    ),
    row(
        r#"^@«[<path>]» <setter> <value>"#,
        "a key that is made of a value is a text",
        "keys have no brackets",
        "write `\"${<path>}\" <value value>;`",
    ),
    row(
        r#"^@«${<path>}» <setter> <value>"#,
        "a key that is made of a value is a text",
        "a text is in quotes",
        "write `\"${<path>}\" <value value>;`",
    ),
    row(
        r#"^@["#,
        "a program is not a list",
        "this is JSON",
        "write `name extends TEMPLATE { ... }` for each component, `name value;` for each attribute",
    ),
    row(r#"^"<key>" @: <pairs>"#, "`<key>` is set without `:`", "leave this out", "write `<key key> <pairs pairs>`"),
    row(r#"^"<key>" @: <value>"#, "`<key>` is set without `:`", "leave this out", "write `<key key> <value value>;`"),
    row(
        r#"^«param» <name> @: <value>"#,
        "a `param` stands at the top of a file",
        "not in a component",
        "move it there, or declare an attribute here: `<name>: <value value>;`",
    ),
    row(
        r#"<name> : <type> @in <low> .. <high>"#,
        "only a type with a name is narrowed",
        "narrows nothing here",
        "write `type <name Camel>Range = <type> in <low>..<high>;` at the top of the file, and `<name>: <name Camel>Range` here",
    ),
    row(
        r#"<name> : <type> @matching "<text>""#,
        "only a type with a name is narrowed",
        "narrows nothing here",
        "write `type <name Camel>Pattern = <type> matching \"<text>\";` at the top of the file, and `<name>: <name Camel>Pattern` here",
    ),
    row(
        r#"<name> : <type> @is <small>"#,
        "only a type with a name is narrowed",
        "narrows nothing here",
        "write `type <name Camel>Format = <type> is <small>;` at the top of the file, and `<name>: <name Camel>Format` here",
    ),
    row(r#": @<lower>"#, "`<lower>` is not a type", "types are `UpperCamel`", "write `<lower type>`"),
    row(r#"^<path> :@= <value>"#, "`<path>` is set without `:=`", "leave this out", "write `<path> <value value>;`"),
    row(
        r#"^<path> : @= <value>"#,
        "`<path>` has no type",
        "expected a type before this",
        "write `<path>: <value typeof> = <value value>;`",
    ),
    row(r#"^<path> «:» @<scalar>"#, "`<path>` is set without `:`", "leave this out", "write `<path> <scalar scalar>;`"),
    row(
        r#"^<path> «: "<text>"» @"#,
        "`<path>` is set without `:`",
        "this would be a type",
        "write `<path> \"<text>\";`",
    ),
    // ---- HCL: arguments
    row(
        r#"^«count» @= <value>"#,
        "a component is repeated behind its name",
        "this is HCL",
        "write `<owner>[i in 0..<value value>] extends <template> { ... }`",
    ),
    row(
        r#"^«for_each» @= <value>"#,
        "a component is repeated behind its name",
        "this is HCL",
        "write `<owner>[key in <value value>] extends <template> { ... }`",
    ),
    row(
        r#"^depends_on @= <value>"#,
        "`depends_on` is called `dependsOn` and set without `=`",
        "leave this out",
        "write `dependsOn <value value>;`",
    ),
    row(
        r#"^<lead> <condition> @? <then> : <otherwise>"#,
        "a choice is made with `if`",
        "not `?` and `:`",
        "write `<lead> if <condition trim> then <then trim> else <otherwise value>;`",
    ),
    row(
        r#"^${<condition> @? <then> : <otherwise>"#,
        "a choice is made with `if`",
        "not `?` and `:`",
        "write `${if <condition trim> then <then trim> else <otherwise value>}`",
    ),
    row(r#"@? "#, "a choice is made with `if`", "not `?` and `:`", "write `if a then b else c`"),
    row(
        r#"^<path> @«<<<dash><word>»"#,
        "a text of several lines stands between `\"\"\"`",
        "this is HCL",
        "write `<path> \"\"\"`, the text, and `\"\"\";`",
    ),
    row(
        r#"@«<<<dash><word>»"#,
        "a text of several lines stands between `\"\"\"`",
        "this is HCL",
        "write `\"\"\"`, the text, and `\"\"\"`",
    ),
    row(
        r#"for <word> in <over> : <key> @«=>» <value>"#,
        "a map is made with `:` between key and value",
        "write `:` here",
        "write `{for <word> in <over trim>: <key trim>: <value value>}`",
    ),
    row(
        r#"for <word> , <name> in <over> : <key> @«=>» <value>"#,
        "a map is made with `:` between key and value",
        "write `:` here",
        "write `{for <word>, <name> in <over trim>: <key trim>: <value value>}`",
    ),
    row(r#"<path> . @* . <word>"#, "all elements are meant by `[*]`", "this is HCL", "write `<path>[*].<word>`"),
    // ---- signs and words of programming languages
    row(r#"== @="#, "values are compared with `==`", "leave this out", "write `==`"),
    row(r#"!= @="#, "values are compared with `!=`", "leave this out", "write `!=`"),
    row(
        r#"^<name> (<args>) @«=>»"#,
        "a function is made with `fn`",
        "this is TypeScript",
        "write `fn <name>(<args typed>) = ...;` at the top of the file",
    ),
    row(r#"^<path> @«=>» <value>"#, "`<path>` is set without `=>`", "leave this out", "write `<path> <value value>;`"),
    row(
        r#"^param <name> @= <value>"#,
        "the param `<name>` has no type",
        "expected `:` and a type before this",
        "write `param <name>: <value typeof> = <value value>;`",
    ),
    row(
        r#"^param <name> «»@<Template>"#,
        "the type of a param stands behind a `:`",
        "expected `:` before this",
        "write `param <name>: <Template>`",
    ),
    row(
        r#"^type <small> @= <value>"#,
        "types are `UpperCamel`",
        "the name before this begins with a small letter",
        "write `type <small Camel> = <value trim>`",
    ),
    row(
        r#"^«<name> »<Template> @= <value>"#,
        "the type of `<name>` stands behind a `:`",
        "expected `:` behind this",
        "write `<name>: <Template> = <value value>;`",
    ),
    row(
        r#"^output <name> @<value>"#,
        "the value of `<name>` stands behind a `=`",
        "expected `=` before this",
        "write `output <name> = <value value>;`",
    ),
    row(
        r#"^assert <rest> @, <value>"#,
        "the message of an assertion stands behind a `:`",
        "write `:` here",
        "write `assert <rest trim> : <value value>;`",
    ),
    row(r#"^<path> @= <value>"#, "`<path>` is set without `=`", "leave this out", "write `<path> <value value>;`"),
    row(r#"^"<key>" @= <value>"#, "`<key>` is set without `=`", "leave this out", "write `<key key> <value value>;`"),
    row(
        r#"if <rest> @= <value>"#,
        "values are compared with `==`",
        "write `==` here",
        "write `<rest trim> == <value operand>`",
    ),
    row(
        r#"= <rest> @= <value>"#,
        "values are compared with `==`",
        "write `==` here",
        "write `<rest trim> == <value operand>`",
    ),
    row(
        r#"assert <rest> @= <value>"#,
        "values are compared with `==`",
        "write `==` here",
        "write `assert <rest trim> == <value operand> : \"...\";`",
    ),
    row(r#"@and"#, "both are asked for with `&&`", "write `&&` here", "`and` is `&&`, `or` is `||`, `not` is `!`"),
    row(r#"@or"#, "one of both is asked for with `||`", "write `||` here", "`and` is `&&`, `or` is `||`, `not` is `!`"),
    row(r#"«not» @<path>"#, "the opposite is asked for with `!`", "write `!` here", "write `!<path>`"),
    row(r#"@& "#, "both are asked for with `&&`", "write `&&` here", "write `a && b`"),
    row(
        r#"@elif"#,
        "the next condition stands behind `else if`",
        "write `else if` here",
        "write `if a then b else if c then d else e`",
    ),
    row(
        r#"@elseif"#,
        "the next condition stands behind `else if`",
        "write `else if` here",
        "write `if a then b else if c then d else e`",
    ),
    row(r#"* @*"#, "there is no operator `**`", "not an operator", "multiply, or write the number: `1_048_576`"),
    row(
        r#""<text>" + @+ <path>"#,
        "texts and lists are joined with `+`",
        "leave this out",
        "write `\"<text>\" + <path>`, or `\"<text>${<path>}\"`",
    ),
    row(r#"+ @+"#, "texts and lists are joined with `+`", "leave this out", "write `a + b`"),
    row(
        r#""<text>" @~ <path>"#,
        "texts are joined with `+`",
        "write `+` here",
        "write `\"<text>\" + <path>`, or `\"<text>${<path>}\"`",
    ),
    row(r#"@~ "#, "texts are joined with `+`", "write `+` here", "write `a + b`, or `\"${a}${b}\"`"),
    row(r#".. @."#, "a range has two points", "leave this out", "the end is not in it: `0..3` is 0, 1, 2"),
    row(
        r#"[ <over> @for <word> in <value>"#,
        "`for` stands at the beginning of a list",
        "this is Python",
        "write `[for <word> in <value value>: <over trim>]`",
    ),
    row(
        r#"<object>.<Template> @("#,
        "a component is made with `extends`",
        "not with a call",
        "write `name extends <Template template> { ... }`",
    ),
    row(
        r#"<object>.<method> @(<args>)"#,
        "values have no methods: a function takes the value in brackets",
        "cannot be called",
        "write `<method function>(<object><args more>)`",
    ),
    row(
        r#"^@...<path>"#,
        "`...` puts one list into another, and stands in lists alone",
        "not in a map",
        "write `merge(<path>, { ... })`",
    ),
    row(
        r#"<path>. @<number><tail>"#,
        "an element is chosen in brackets",
        "a name is expected here",
        "write `<path>[<number>]<tail>`",
    ),
    row(
        r#"<number>.@<dotted>"#,
        "an address or a version is a text",
        "a number has one point",
        "write `\"<number>.<dotted>\"`",
    ),
    row(r#"<number>@:<minutes>"#, "a time of day is a text", "cannot stand here", "write `\"<number>:<minutes>\"`"),
    row(
        r#"^<path> @+ "<text>" "#,
        "a key is a text, which may have `${ }` in it",
        "cannot stand here",
        "write `\"${<path>}<text>\"` as the key",
    ),
    row(r#". @<number>"#, "a number begins with a digit", "expected `0` before the point", "write `0.<number>`"),
    // ---- quotes
    row(r#"@«'<single>'»"#, "texts stand between `\"`", "not between `'`", "write `\"<single text>\"`"),
    row(r#"@'"#, "texts stand between `\"`", "not between `'`", "write `\"...\"`"),
    row(r#"@«`<ticked>`»"#, "texts stand between `\"`", "not between backticks", "write `\"<ticked text>\"`"),
    row(r#"@«<quote><curly>»"#, "texts stand between `\"`", "this is another sign", "write `\"<curly text>\"`"),
    row(r#"f @"<text>""#, "`${ }` puts a value into any text", "nothing stands before it", "write `\"<text python>\"`"),
    row(r#"@«${<path>}»"#, "`${ }` stands in texts alone", "not needed here", "write `<path>`"),
    row(r#"@$<path>"#, "a name has no `$` before it", "leave this out", "write `<path>`"),
    row(
        r#""<text>" @<path> ;"#,
        "`<path>` stands beside the text, not in it",
        "expected an operator or `;` before this",
        "write `\"<text>${<path>}\"`",
    ),
    row(
        r#""<text>" @"<more>" ;"#,
        "two texts stand side by side",
        "expected an operator or `;` before this",
        "write `\"<text><more>\"`",
    ),
    row(
        r#"= <name> @"<text>""#,
        "a function is called with brackets",
        "expected `(` before this",
        "write `<name>(\"<text>\")`",
    ),
    // ---- numbers
    row(r#"<number> @<unit>"#, "a unit stands right behind its number", "join this to it", "write `<number><unit>`"),
    row(
        r#"«<number>%» @"#,
        "there is no unit `%`",
        "a number alone",
        "write `<number>`, or `<number percent>` where a `Number` is wanted",
    ),
    row(r#"= <digits> @,<more3>"#, "digits are grouped with `_`", "write `_` here", "write `<digits>_<more3 grouped>`"),
    // ---- extends
    row(
        r#"^<path> «<misspelt>» @<Template>"#,
        "a component is made with `extends`, not `<misspelt>`",
        "write `extends` here",
        "write `<path> extends <Template> { ... }`",
    ),
    row(
        r#"^<path> «:» <Template> @{"#,
        "a component is made with `extends`",
        "write `extends` here",
        "write `<path> extends <Template> { ... }`",
    ),
    row(
        r#"^«<Template> <word>» @{"#,
        "the name of a component stands before its template",
        "the other way round",
        "write `<word> extends <Template> { ... }`",
    ),
    row(r#"^«<kebab>» @"#, "a name has no `-` in it", "letters, digits and `_` alone", "write `<kebab camel>`"),
    // ---- SmartFrog
    row(r#"extends «LAZY» @<Template>"#, "`extends` needs no `LAZY`", "leave this out", "write `extends <Template>`"),
    row(
        r#"«LAZY» @<path>"#,
        "a reference needs no `LAZY`: it waits for what it names by itself",
        "leave this out",
        "write `<path>`",
    ),
    row(r#"«ATTRIB» @<path>"#, "a reference is a name alone", "leave this out", "write `<path>`"),
    row(r#"PARENT @: <path>"#, "the component around this one is `parent`", "write `.` here", "write `parent.<path>`"),
    row(r#"ROOT @: <path>"#, "the whole program is `root`", "write `.` here", "write `root.<path>`"),
    row(
        r#"«PARENT» @<path>"#,
        "the component around this one is `parent`",
        "this is SmartFrog",
        "write `parent.<path>`",
    ),
    row(r#"«ROOT» @<path>"#, "the whole program is `root`", "this is SmartFrog", "write `root.<path>`"),
    row(r#"[ @|"#, "a list stands in brackets alone", "leave this out", "write `[a, b]`"),
    row(
        r#"^<lead> <object> @: <path>"#,
        "an attribute of `<object>` is reached with `.`",
        "write `.` here",
        "write `<object>.<path>`",
    ),
    // ---- last: any block with a text before its brace
    row(
        r#"<word> "<text>" {"#,
        "a block has no text before its brace",
        "this is HCL",
        "write `<word> { ... }` for a map, `<text camel> extends TEMPLATE { ... }` for a component",
    ),
];

/// What a word of a form takes.
pub(super) fn class(word: &str) -> &'static str {
    const NAME: &str = "[A-Za-z_][A-Za-z0-9_-]*";
    const PATH: &str = r"[A-Za-z_][A-Za-z0-9_.]*(?:\[[^\]\n]*\][A-Za-z0-9_.]*)*";
    match word {
        "Template" | "Base" => "[A-Z][A-Za-z0-9_]*",
        "args" => r"[^()\n]*",
        "body" => "[^}]*",
        "condition" => r"[^\n;{(\[]+?",
        "const" => r"(?:(?:export[ \t]+)?(?:const|let|var|val))\b",
        "curly" => "[^“”„‟«»‘’\"\n]*[“”„‟«»‘’]?",
        "digits" => "[0-9]{1,3}",
        "export" => r"export[ \t]+(?:const|let|var)\b",
        "fold" => r"[|>][-+]?[ \t]*\n",
        "function" => r"(?:export[ \t]+)?(?:async[ \t]+)?(?:function|def|func)\b",
        "low" | "high" => "-?[0-9][0-9_]*",
        "inner" => r#"[ \t]*(?:\n|[a-z"])"#,
        "dash" => "[-~]?",
        "dotted" => r"[0-9]+(?:\.[0-9]+)*(?:/[0-9]+|-[A-Za-z0-9.]+)?",
        "dashes" => r"[ \t]*\n[ \t]*-[ \t]+[^\n]*(?:\n[ \t]*-[ \t]+[^\n]*)*",
        "items" => r"-[ \t]+[^\n]*(?:\n[ \t]*-[ \t]+[^\n]*)*",
        "kebab" => "[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)+",
        "key" => r#"[^\"\n]*"#,
        "lead" => {
            r"(?:(?:output|param)[ \t]+[A-Za-z_][A-Za-z0-9_]*(?:[ \t]*:[^=\n]*)?[ \t]*=|[A-Za-z_][A-Za-z0-9_.]*(?:[ \t]*:[^=\n]*=)?)"
        }
        "lower" => r"(?:string|str|text|integer|int|bool|boolean|number|float|double|list|map|any|duration|object)\b",
        "maker" => r"(?:new[ \t]+)?(?:[A-Za-z_$][A-Za-z0-9_$]*\.)*[A-Z][A-Za-z0-9_]*",
        "method" => "[a-z][A-Za-z0-9_]*",
        "minutes" => "[0-9]{2}(?::[0-9]{2})?",
        "misspelt" => r"(?:[Ee][Xx][A-Za-z]{2,7}|[Ii]nherits|[Ii]mplements|isa|is|new|of)",
        "more3" => "[0-9]{3}(?:,[0-9]{3})*",
        "number" => r"[0-9][0-9_]*(?:\.[0-9]+)?",
        "object" => r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*",
        "otherwise" | "rest" | "value" | "more" => r"[^\n]*",
        "over" => r"[^\n{]+?",
        "pairs" => r#"[^,\n]*(?:,[ \t]*"[^"\n]*"[ \t]*:[^,\n]*)+"#,
        "path" => PATH,
        "quote" => "[“”„‟«»‘’]",
        "setter" => "[:=]?",
        "scalar" => r#"[^\s={\[("][^\n]*"#,
        "single" => r"[^'\n]*",
        "small" => "[a-z][A-Za-z0-9_]*",
        "tail" => "[A-Za-z0-9_.]*",
        "text" => r#"[^\"\n]*"#,
        "then" => r"[^:\n]+",
        "ticked" => "[^`]*",
        "type" => "[A-Za-z0-9_.:/-]+",
        "unit" => "(?:ms|s|m|h|d|B|[KMGT]i?B)\\b",
        _ => NAME,
    }
}
