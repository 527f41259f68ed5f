//! The project's own commands. Nothing here is installed on a user's machine.

fn main() {}
