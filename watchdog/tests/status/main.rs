//! The control socket, the command line and the web front, each against a fake daemon.

mod alone;
mod command_line;
mod fake;
mod front;
mod limits;
mod page;
mod process;
mod routes;
mod served;
mod shown;
