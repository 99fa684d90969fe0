//! A round as JUnit XML, as build servers read it: one suite an environment, one case an action that was asked.
//! The one user of quick-junit.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::live::{Look, Round, Standing, Thing};

/// # Errors
/// Why it cannot be written.
pub fn report(round: &Round, environment: &str, lineage: &str) -> Result<String, String> {
    let mut suite = TestSuite::new(environment);
    suite.set_time(round.took);
    suite.add_property(("lineage", lineage));
    for thing in &round.things {
        if thing.looks.is_empty() {
            suite.add_test_case(case_of_none(thing));
        }
        for look in &thing.looks {
            suite.add_test_case(case(thing, look));
        }
    }
    let mut report = Report::new("tadpole live");
    report.set_time(round.took);
    report.add_test_suite(suite);
    report.to_string().map_err(|error| error.to_string())
}

fn case(thing: &Thing, look: &Look) -> TestCase {
    let mut status = status(look.standing);
    if let Some(message) = look.message() {
        status.set_message(message);
    }
    status.set_type(look.standing.key());
    if let Some(fault) = &look.fault {
        let help = fault.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        status.set_description(format!("{}: {fault}{help}", thing.address));
    }
    let mut case = TestCase::new(look.action.as_str(), status);
    case.set_classname(thing.address.to_string());
    if let Some(took) = look.took {
        case.set_time(took);
    }
    if !look.warnings.is_empty() {
        let lines = look.warnings.iter().map(|(action, fault)| format!("warning: {action}: {fault}\n"));
        case.set_system_out(lines.collect::<String>());
    }
    case
}

/// Of a thing that no action was run for.
fn case_of_none(thing: &Thing) -> TestCase {
    let mut status = status(thing.standing);
    let why = thing.notes().join("; ");
    status.set_message(if why.is_empty() { "it has no liveness actions".to_string() } else { why });
    status.set_type(thing.standing.key());
    let mut case = TestCase::new(thing.standing.words(), status);
    case.set_classname(thing.address.to_string());
    case
}

fn status(standing: Standing) -> TestCaseStatus {
    match standing {
        Standing::Live | Standing::Warned => TestCaseStatus::success(),
        Standing::Unasked | Standing::Replaced => TestCaseStatus::skipped(),
        Standing::NotLive | Standing::Incomplete => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Standing::Unknown | Standing::CutOff => TestCaseStatus::non_success(NonSuccessKind::Error),
    }
}
