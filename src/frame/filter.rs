//! Display filter (placeholder until its parser lands).
