//! How databases of Debian are started in the foreground, with a user `ann` whose password is `pass`.
//!
//! Not here: in whose folders they run (`debian`), and what a test says to them.

use crate::debian::Server;
use crate::scratch::Scratch;

/// PostgreSQL on this port of 127.0.0.1, its own user's, for it does not run as root. `rules`: its
/// `pg_hba.conf`. `before`: a shell command once the folder of data, `$data`, is there. `options`: more
/// of its arguments. None: the packages are not here, the test is skipped.
///
/// # Panics
/// If it cannot be run.
pub fn postgresql(
    scratch: &Scratch,
    port: u16,
    rules: &str,
    before: &str,
    options: &str,
) -> Option<Server> {
    let data = scratch.at("data");
    let password = scratch.write("words", "pass\n", 0o644);
    let rules = scratch.write("hba.conf", rules, 0o644);
    let run = format!(
        "data={} && mkdir $data && chown postgres: $data && \
         PATH=/usr/lib/postgresql/15/bin:$PATH && \
         drop='setpriv --reuid=postgres --regid=postgres --clear-groups' && \
         $drop initdb -D $data -U ann -A scram-sha-256 --pwfile={} --no-sync --no-instructions && \
         {before} && \
         exec $drop postgres -D $data -p {port} -h 127.0.0.1 -k '' -F -c hba_file={} {options}",
        data.display(),
        password.display(),
        rules.display()
    );
    Server::start(scratch, &["sh", "-c", &run])
}

/// MariaDB on this port of 127.0.0.1 and on the socket `socket` in the scratch folder. `user`: what
/// more is wanted of `ann`. `options`: more of its arguments. None: the packages are not here, the test
/// is skipped.
///
/// # Panics
/// If it cannot be run.
pub fn mariadb(scratch: &Scratch, port: u16, user: &str, options: &str) -> Option<Server> {
    let (data, socket) = (scratch.at("data"), scratch.at("socket"));
    let users = format!("CREATE USER ann@'%' IDENTIFIED BY 'pass'{user};\n");
    let users = scratch.write("users.sql", &users, 0o644);
    let run = format!(
        "data={} && mkdir -p $data/mysql && cd /usr/share/mysql && \
         {{ echo 'use mysql;'; cat mysql_system_tables.sql mysql_system_tables_data.sql; }} | \
         mariadbd --no-defaults --user=root --datadir=$data --bootstrap && \
         exec mariadbd --no-defaults --user=root --datadir=$data --socket={} \
         --bind-address=127.0.0.1 --port={port} --skip-name-resolve --init-file={} {options}",
        data.display(),
        socket.display(),
        users.display()
    );
    Server::start(scratch, &["sh", "-c", &run])
}
