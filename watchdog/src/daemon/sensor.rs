//! Opens the sensor: the kernel's programs, or where they are refused the one on `/proc`.

use super::RunError;
use crate::source::Source;
use crate::source::fallback::FallbackSource;
use crate::source::kernel::{KernelSource, Options};
use crate::source::refusal;
use crate::source::shared::Shared;

/// The best sensor that this host allows. With `required` nothing but the kernel's programs.
pub(super) fn open(options: &Options, required: bool) -> Result<Box<dyn Source>, RunError> {
    let error = match KernelSource::open(options) {
        Ok(source) => return Ok(Box::new(Shared::new(Box::new(source)))),
        Err(error) => error,
    };
    let missing = refusal::explain(&error);
    let cannot = "the kernel sensor cannot work here";
    if required {
        let why = format!("{cannot}: {}: {}. Cure: {}", missing.what, missing.why, missing.cure);
        return Err(RunError::Sensor { required, why });
    }
    let source = FallbackSource::open(vec![missing])
        .map_err(|error| RunError::Failed(format!("{cannot}, nor the one on /proc: {error}")))?;
    Ok(Box::new(Shared::new(Box::new(source))))
}
