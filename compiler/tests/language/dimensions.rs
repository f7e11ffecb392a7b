//! Sizes: what makes them equal, how they are named, what contradicts.

use crate::{accept, refuse};

#[test]
fn sums_products_equality_and_feedback_make_sizes_equal() {
    accept("h_t = W x_t + U h_{t-1} + b", "x[x] -> h[h]; h[h]; W[h, x] U[h, h] b[h]");
    accept("h_t = x_t - h_{t-1}", "x[x] -> h[x]; h[x]; ");
    accept("h_t = x_t \\odot h_{t-1}", "x[x] -> h[x]; h[x]; ");
    accept("h_t = h_{t-1} + V W x_t", "x[x] -> h[h]; h[h]; V[h, V] W[V, x]");
    accept("i_t, f_t = chunk(W x_t, 2)\nh_t = i_t + f_t + h_{t-1}", "x[x] -> h[h]; h[h]; W[2 h, x]");
    refuse("h_t = x_t + h_{t-1} \\\\ y_t = [h_t, h_t] + v \\\\ v \\in \\mathbb{R}^{3}", &["GW0201"]);
    accept("z_t = W [h_{t-1}, x_t] \\\\ h_t = z_t", "x[x] -> h[h]; h[h]; W[h, x + h]");
}

#[test]
fn declarations_of_all_forms() {
    let rnn = "h_t = W x_t + U h_{t-1}";
    let roles = "x[d] -> h[n]; h[n]; W[n, d] U[n, n]";
    for declaration in [
        "x_t \\in \\mathbb{R}^{d} \\\\ h_t \\in \\mathbb{R}^{n}",
        "x_t \\in \\mathbb{R}^d, \\quad h_t \\in \\mathbb{R}^n",
        "W \\in \\mathbb{R}^{n \\times d}",
        "W \\in \\R^{n \\times d}",
        "W \\in \\mathbb R^{n\\times d}",
        "W \\in ℝ^{n × d}",
        "x_t \\in \\mathbb{R}^{d \\times 1} \\\\ U \\in \\mathbb{R}^{n \\times n}",
    ] {
        accept(&format!("{rnn} \\\\ {declaration}"), roles);
    }
    accept("h_t = w x_t + h_{t-1}\nw: [n]", "x[n] -> h[n]; h[n]; w[n]");
    accept("h_t = W x_t + h_{t-1}; W: [n, d]", "x[d] -> h[n]; h[n]; W[n, d]");
    accept("h_t = a x_t + h_{t-1}; where a: scalar", "x[x] -> h[x]; h[x]; a[]");
    accept("h_t = w_{ci} x_t + h_{t-1} \\\\ w_{ci} \\in \\mathbb{R}^{n}", "x[n] -> h[n]; h[n]; w_ci[n]");
    accept("h_t = \\alpha x_t + h_{t-1} \\\\ \\alpha \\in \\mathbb{R}", "x[x] -> h[x]; h[x]; alpha[]");
    accept("h_t = W x_t + h_{t-1} \\\\ W \\in \\mathbb{R}^{4 \\times 3}", "x[3] -> h[4]; h[4]; W[4, 3]");
    accept(
        "h_t = W [h_{t-1}, x_t] \\\\ W \\in \\mathbb{R}^{h \\times (h + x)}",
        "x[x] -> h[h]; h[h]; W[h, x + h]",
    );
    accept(
        "h_t = W x_t + V x_t + h_{t-1} \\\\ x_t \\in \\mathbb{R}^{d}, W, V \\in \\mathbb{R}^{n \\times d}",
        "x[d] -> h[n]; h[n]; W[n, d] V[n, d]",
    );
    accept("h_t = U h_{t-1} + x_t \\\\ h_t, x_t \\in \\mathbb{R}^{n}", "x[n] -> h[n]; h[n]; U[n, n]");
}

#[test]
fn a_contradiction_names_both_places() {
    for (text, places) in [
        ("h_t = [h_{t-1}, x_t] + h_{t-1}", ["[h_{t-1}, x_t]", "h_{t-1}"]),
        (
            "h_t = x_t + h_{t-1} \\\\ h_t \\in \\mathbb{R}^{3} \\\\ x_t \\in \\mathbb{R}^{4}",
            ["x_t", "h_{t-1}"],
        ),
        ("c_t = [c_{t-1}, x_t]", ["c_{t-1}", "[c_{t-1}, x_t]"]),
        ("W \\in \\mathbb{R}^{3 \\times 4} \\\\ h_t = W h_{t-1}", ["W", "h_{t-1}"]),
        ("y_t \\in \\mathbb{R}^{3} \\\\ h_t = h_{t-1} + x_t \\\\ y_t = [h_t, h_t]", ["y_t", "[h_t, h_t]"]),
        ("h_t = x_t + h_{t-1} + v_t k_t^\\top", ["x_t", "h_{t-1}"]),
    ] {
        let found = match crate::try_read(text) {
            Ok(cell) => panic!("{text}: {}", crate::roles(&cell)),
            Err(found) => found,
        };
        let error = &found[0];
        assert!(matches!(error.code.as_str(), "GW0201" | "GW0202"), "{text}: {}", crate::listed(&found));
        let written: Vec<&str> =
            error.labels.iter().map(|(span, _)| &text[span.start as usize..span.end as usize]).collect();
        for place in places {
            assert!(written.iter().any(|label| label.contains(place)), "{text}: {written:?} lacks {place}");
        }
    }
}
