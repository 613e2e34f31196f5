//! What becomes of each attribute.

use super::report::Report;
use crate::yaml::Node;

pub fn check(_root: &Node, _report: &mut Report) {}
