//! `depends_on:` of services: names become the services that they mean, loops are refused.
//!
//! Done when all files are read: a name may stand before its service. Not here: what follows from a
//! dependency (`engine::order`).

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::reader::Reader;
use super::services::Services;
use super::settings::as_list;
use super::source::Place;
use super::vocabulary::nearest;

/// Names of a loop that are shown.
const SHOWN: usize = 12;

/// A service that another depends on, and where that is said.
type Edge = (usize, Place);

/// How far the search for loops has come with a service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    /// On the path that is being followed.
    Open,
    Done,
}

impl Reader {
    /// Looks up what services depend on.
    pub(super) fn dependencies(&mut self, services: &mut Services) {
        let waiting = std::mem::take(&mut services.waiting);
        if waiting.is_empty() {
            return;
        }
        let places: HashMap<String, usize> = services
            .list
            .iter()
            .enumerate()
            .map(|(place, service)| (service.name.to_lowercase(), place))
            .collect();
        let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); services.list.len()];
        for (id, names) in waiting {
            for (name, at) in names {
                let name = self.with_host(&name);
                let known = places.get(&name.to_lowercase());
                let Some(&below) = known else {
                    self.unknown_service(&name, at, services);
                    continue;
                };
                let own = &mut edges[id.index()];
                if !own.iter().any(|(place, _)| *place == below) {
                    own.push((below, at));
                }
            }
        }
        let names: Vec<&str> = services.list.iter().map(|one| one.name.as_str()).collect();
        self.refuse_loops(&edges, &names);
        let names: Vec<Vec<String>> = edges
            .iter()
            .map(|own| own.iter().map(|(below, _)| names[*below].to_owned()).collect())
            .collect();
        for (service, depends_on) in services.list.iter_mut().zip(names) {
            if !depends_on.is_empty() {
                Arc::make_mut(service).control.depends_on = depends_on;
            }
        }
    }

    fn unknown_service(&mut self, name: &str, at: Place, services: &Services) {
        if services.names.contains_key(&name.to_lowercase()) {
            // It is there, and something else is wrong with it: that is told already.
            return;
        }
        let names = services.list.iter().take(1000).map(|one| one.name.as_str());
        let near = nearest(name, names).map(|near| format!("did you mean `{near}`?"));
        let several = as_list(name).map(|list| format!("for several write `{list}`"));
        let near = several.or(near);
        self.out.push(
            Diagnostic::error(at, format!("there is no service `{name}` to depend on"))
                .maybe_help(near),
        );
    }

    /// Each loop is told once, where it closes. Without recursion: a chain may be as long as the list.
    fn refuse_loops(&mut self, edges: &[Vec<Edge>], names: &[&str]) {
        let mut marks = vec![Mark::New; edges.len()];
        for root in 0..edges.len() {
            if marks[root] != Mark::New || edges[root].is_empty() {
                continue;
            }
            marks[root] = Mark::Open;
            // Each service of the path with the number of its edges that were followed.
            let mut path = vec![(root, 0)];
            while let Some((at, followed)) = path.last_mut() {
                let Some(&(below, place)) = edges[*at].get(*followed) else {
                    marks[*at] = Mark::Done;
                    path.pop();
                    continue;
                };
                *followed += 1;
                match marks[below] {
                    Mark::Done => {}
                    Mark::New => {
                        marks[below] = Mark::Open;
                        path.push((below, 0));
                    }
                    Mark::Open => {
                        let begin = path.iter().position(|(on, _)| *on == below).unwrap_or(0);
                        let round: Vec<&str> =
                            path[begin..].iter().map(|(on, _)| names[*on]).collect();
                        self.refuse_loop(&round, place);
                    }
                }
            }
        }
    }

    fn refuse_loop(&mut self, round: &[&str], place: Place) {
        let first = round.first().copied().unwrap_or_default();
        let mut shown: Vec<&str> = round.iter().copied().take(SHOWN).collect();
        if round.len() > SHOWN {
            shown.push("…");
        }
        shown.push(first);
        self.error_help(
            place,
            format!("`{first}` depends on itself: {}", shown.join(" → ")),
            "none of them could be started first: leave one of these dependencies out",
        );
    }
}
