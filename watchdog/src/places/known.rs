//! Who awaits what: names in folders and the services behind them, to be found from either side.
//!
//! Pure bookkeeping. Not here: the kernel's watches (`places`).

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};

/// The services by the name that is awaited in one folder.
type Names = HashMap<OsString, BTreeSet<String>>;

/// Both ways round.
#[derive(Default)]
pub(super) struct Known {
    pub(super) folders: HashMap<i32, Names>,
    pub(super) services: HashMap<String, BTreeSet<(i32, OsString)>>,
}

impl Known {
    /// Whether it is new.
    pub(super) fn put(&mut self, folder: i32, name: &OsStr, service: &str) -> bool {
        let names = self.folders.entry(folder).or_default();
        names.entry(name.to_owned()).or_default().insert(service.to_owned());
        let own = self.services.entry(service.to_owned()).or_default();
        own.insert((folder, name.to_owned()))
    }

    /// Returns whether nobody awaits anything in the folder any longer.
    pub(super) fn forget(&mut self, folder: i32, name: &OsStr, service: &str) -> bool {
        if let Some(own) = self.services.get_mut(service) {
            own.remove(&(folder, name.to_owned()));
            if own.is_empty() {
                self.services.remove(service);
            }
        }
        let Some(names) = self.folders.get_mut(&folder) else { return false };
        if let Some(services) = names.get_mut(name) {
            services.remove(service);
            if services.is_empty() {
                names.remove(name);
            }
        }
        let empty = names.is_empty();
        if empty {
            self.folders.remove(&folder);
        }
        empty
    }

    /// The folder is given up by the kernel. Returns who awaited something in it.
    pub(super) fn gone(&mut self, folder: i32) -> BTreeSet<String> {
        let names = self.folders.remove(&folder).unwrap_or_default();
        let mut services = BTreeSet::new();
        for (name, awaiting) in names {
            for service in &awaiting {
                if let Some(own) = self.services.get_mut(service) {
                    own.remove(&(folder, name.clone()));
                    if own.is_empty() {
                        self.services.remove(service);
                    }
                }
            }
            services.extend(awaiting);
        }
        services
    }

    pub(super) fn is_awaited(&self, folder: i32) -> bool {
        self.folders.contains_key(&folder)
    }
}
