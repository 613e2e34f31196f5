//! The kubelet folds `$$` where it expands `$(NAME)`.

/// Every `$` twice.
pub fn doubled(text: &str) -> String {
    text.replace('$', "$$")
}
