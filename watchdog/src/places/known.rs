//! Who awaits what: names in folders and the services behind them, to be found from either side.
//!
//! Pure bookkeeping. Ten thousand services may await two names each, most of them alone in their folder:
//! what stands once is shared, and what is short is a list. Not here: the kernel's watches (`places`).

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::sync::Arc;

/// A name that is awaited in a folder, and the service behind it; sorted.
type Names = Vec<(Arc<OsStr>, Arc<str>)>;

/// Both ways round.
#[derive(Default)]
pub(super) struct Known {
    pub(super) folders: HashMap<i32, Names>,
    pub(super) services: HashMap<Arc<str>, Vec<(i32, Arc<OsStr>)>>,
}

/// Where a name with a service stands, or would stand.
fn place(names: &Names, name: &OsStr, service: &str) -> Result<usize, usize> {
    names.binary_search_by(|(known, by)| (&**known, &**by).cmp(&(name, service)))
}

impl Known {
    /// Whether it is new.
    pub(super) fn put(&mut self, folder: i32, name: &OsStr, service: &str) -> bool {
        let names = self.folders.entry(folder).or_insert_with(|| Vec::with_capacity(1));
        let Err(at) = place(names, name, service) else { return false };
        let name: Arc<OsStr> = name.into();
        let service = match self.services.get_key_value(service) {
            Some((known, _)) => known.clone(),
            None => service.into(),
        };
        names.insert(at, (name.clone(), service.clone()));
        let own = self.services.entry(service).or_insert_with(|| Vec::with_capacity(1));
        own.push((folder, name));
        true
    }

    /// Returns whether nobody awaits anything in the folder any longer.
    pub(super) fn forget(&mut self, folder: i32, name: &OsStr, service: &str) -> bool {
        self.disown(folder, name, service);
        let Some(names) = self.folders.get_mut(&folder) else { return false };
        if let Ok(at) = place(names, name, service) {
            names.remove(at);
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
        for (name, service) in names {
            self.disown(folder, &name, &service);
            services.insert(service.to_string());
        }
        services
    }

    pub(super) fn is_awaited(&self, folder: i32) -> bool {
        self.folders.contains_key(&folder)
    }

    /// Who awaits this name in the folder.
    pub(super) fn awaiting(&self, folder: i32, name: &OsStr) -> impl Iterator<Item = &str> {
        let names = self.folders.get(&folder).map_or(&[][..], Vec::as_slice);
        let first = names.partition_point(|(known, _)| **known < *name);
        let those = names.iter().skip(first).take_while(move |(known, _)| **known == *name);
        those.map(|(_, service)| &**service)
    }

    fn disown(&mut self, folder: i32, name: &OsStr, service: &str) {
        if let Some(own) = self.services.get_mut(service) {
            own.retain(|(known, own)| (*known, &**own) != (folder, name));
            if own.is_empty() {
                self.services.remove(service);
            }
        }
    }
}
