//! Sentences that are refused.

use super::*;

#[test]
fn sentences() {
    let mut wrong = Vec::new();
    for (sentence, column, words) in [
        (
            "totlamem > 1800 MB",
            12,
            &["unknown test `totlamem`", "did you mean `totalmem`?", "^^^^^^^^"] as &[&str],
        ),
        (
            "cpu > 80 MB",
            18,
            &["`80 MB` does not fit", "^^^^^", "this is a share in %", "write `80%`"],
        ),
        ("cpu > 80", 18, &["write `80%`"]),
        ("totalmem > 1800", 23, &["write `1800 MB`"]),
        ("children > 250 MB", 23, &["this is a plain number"]),
        ("uptime > 5", 21, &["write `5 seconds` or `5 minutes`"]),
        ("cpu > 180%", 18, &["more than 100% cannot be"]),
        (
            "cpu > 80% for 5 cylces",
            28,
            &["expected `cycles` or a unit of time", "did you mean `cycles`?"],
        ),
        ("cpu > 80% for 65 cycles", 26, &["from 1 to 64", "such as `2h`"]),
        ("cpu > 80% for 0 cycles", 26, &["from 1 to 64"]),
        ("cpu > 80% for 5 times within 3 cycles", 41, &["fewer cycles than times"]),
        ("cpu > 80% for", 22, &["missing"]),
        ("cpu >", 16, &["a number is missing"]),
        ("cpu 80%", 16, &["expected an operator"]),
        ("(cpu > 5% or cpu < 1%", 32, &["`)`", "opened here"]),
        ("cpu > 5% then restart", 21, &["stands under the key `then:`"]),
        ("cpu > 5% adn cpu > 6%", 21, &["did you mean `and`?"]),
        ("if cpu > 5%", 12, &["leave the word `if` out"]),
        ("cpu > -5%", 18, &["not negative"]),
        ("cpu\u{a0}> 5%", 15, &["no-break space"]),
        ("cpu > 5% && cpu > 6%", 21, &["write `and` or `or`"]),
        ("failed security attribute", 28, &["a label such as"]),
        ("security attribute > 'x'", 31, &["expected `=`, `!=`, `=~` or `!=~`"]),
        ("security attribute =~ 'a('", 34, &["not a pattern: unclosed group"]),
        ("cpu =~ 5%", 16, &["expected an operator"]),
        ("failed permision 755", 12, &["`failed permision` is not a test of a process"]),
        ("failed uidd root", 12, &["did you mean `uid`?"]),
        ("changed pidd", 12, &["is not a test of a process service", "did you mean `pid`?"]),
        ("succeeded", 12, &["`succeeded`"]),
        ("member crash", 19, &["expected `exits`, `killed`, `crashed` or `oom killed`"]),
        ("member restarts", 19, &["expected `exits`, `killed`, `crashed` or `oom killed`"]),
        ("oom", 12, &["`killed` is missing"]),
        ("crashd", 12, &["did you mean `crashed`?"]),
        ("crashed for 30s", 20, &["is a moment", "3 times within"]),
        ("pressure (io) > 5%", 12, &["a test of a system service, not of a process"]),
        ("filedescriptors > 5 MB", 30, &["does not fit this test", "a plain number"]),
        ("total filedescriptors > 5%", 36, &["does not fit this test", "a plain number"]),
        ("disk > 5 MB/s", 17, &["expected `read` or `write`"]),
        ("disk read > 5 MB", 26, &["`/s` is missing"]),
        ("disk read > 5%/s", 24, &["a size in a second"]),
        ("disk read > 5 operations/s", 24, &["not counted by the kernel", "`disk read > 10 MB/s`"]),
        ("totalmem grows > 5 MB", 31, &["`per` with a time is missing"]),
        ("totalmem grows > 5 per minute", 29, &["does not fit this test"]),
        ("totalmem grows = 5 MB per minute", 27, &["never exactly so much"]),
        ("totalmem grows > 5 MB per fortnight", 38, &["a unit of time such as"]),
        ("totalmem grows > 5 MB per minute over 1 s", 50, &["too short to see"]),
        ("totalmem reaches 5 GB", 31, &["`within` and a time is missing"]),
        ("totalmem reaches 105% within 1 h", 29, &["more than 100% cannot be"]),
        ("cpu grows > 5% per minute", 16, &["this number does not grow"]),
        ("children > 5 per minute", 25, &["not of so many in a time", "`forks` are counted"]),
        ("forks > 5", 20, &["`per second`"]),
        ("forks > 5 MB per second", 20, &["does not fit this test", "a plain number"]),
        ("swap > 5%", 12, &["a test of a system service, not of a process"]),
        ("cpu (wait) > 5%", 16, &["tests of a system service"]),
        ("exits for 30s", 18, &["is a moment", "3 times within"]),
        ("exits with code > 300", 30, &["an exit code from 0 to 255"]),
        ("killed by signal SIGNONE", 29, &["a signal such as KILL or 9"]),
        ("3 restarts", 14, &["`within` is missing"]),
        ("loadavg (3min) > 5", 21, &["1, 5 or 15 minutes"]),
        ("", 11, &["the condition is empty"]),
    ] {
        wrong.extend(faults(&with_rule(sentence), &format!("5:{column}"), words));
    }
    for (sentence, column, words) in [
        ("children > 5", 12, &["a test of a process service, not of a system"] as &[&str]),
        ("does not exist", 12, &["a test of a process service"]),
        ("3 restarts within 5 cycles", 12, &["a test of what can be started"]),
        ("cpu (idle) > 5%", 17, &["user, system, wait"]),
        ("memory > 50% for 10", 29, &["missing"]),
    ] {
        wrong.extend(faults(&with_system_rule(sentence), &format!("4:{column}"), words));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sentence_that_is_not_there_byte_for_byte_is_underlined_whole() {
    let folded = "services:\n- process: a\n  pidfile: /x\n  rules:\n  - then: alert\n    if: >\n      cpu\n      > 80 MB\n";

    let escaped = "services:\n- process: a\n  pidfile: /x\n  rules:\n  - then: alert\n    if: \"cpu\\t> 80 MB\"\n";
    all_refused(&[(folded, "7:7", &["does not fit"]), (escaped, "6:9", &["does not fit"])]);
}
