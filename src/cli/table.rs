//! Tables as docker prints them: columns of at least some width, with space after the widest cell.

/// The space after the widest cell of a column.
const GAP: usize = 3;

/// Lines of a table. The last column is as wide as its cells.
pub fn lines(least: usize, heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all = || std::iter::once(&heads).chain(rows);
    let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count() + GAP).max().unwrap_or_default();
    let widths: Vec<usize> = (1..heads.len()).map(|next| width(next - 1).max(least)).collect();
    let mut text = String::new();
    for row in all() {
        for (column, cell) in row.iter().enumerate() {
            let padding = widths.get(column).map_or(0, |width| width.saturating_sub(cell.chars().count()));
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_three_more() {
        let rows = [vec!["web".to_owned(), "nginx".to_owned()], vec!["a-long-name".to_owned(), String::new()]];
        assert_eq!(lines(10, &["NAME", "IMAGE"], &rows), "NAME          IMAGE\nweb           nginx\na-long-name   \n");
    }
}
