//! What the tests share: a scratch directory, a daemon on it, real services to watch.
