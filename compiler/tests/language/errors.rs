//! Errors: every code has an example that gives exactly it, a place, and something to do.

use crate::refuse;

#[test]
fn all_errors_come_at_once() {
    refuse(
        "z_t = sigmoid(W x_t +)\nh_t = z_t h_{t-1}\ny_t = [h_t, h_{t-1}] + x_t + h_{t+1}",
        &["GW0004", "GW0302"],
    );
    refuse(
        "z_t = \\sigma(W x_t §) \\\\ h_t = z_t \\odot h_{t-1} + x_t \\\\ y_t = v + v k^\\top",
        &["GW0001", "GW0202"],
    );
    refuse(
        "z_t = tanh((x_t)\nh_t = z_t * h_{t-1}\nc_t = phi(x_t) + c_{t-1}\nc_{t+1} = x_t",
        &["GW0003", "GW0102", "GW0303"],
    );
    // What is outside the language stays so, whatever the left side becomes.
    refuse("$$wkv_t = \\sum_{i=1}^{t-1} e^{-w} v_i$$ $$o_t = W wkv_t + o_{t-1}$$", &["GW0007", "GW0452"]);
}

#[test]
fn what_could_not_be_read_is_known_to_be_defined() {
    for lost in
        ["z_t = sigmoid(W x_t +)", "z_t = § x_t", "z_t = (x_t", "z_t, q_t = foo(", "z_t = y_t = x_t + * 2"]
    {
        let found = crate::try_read(&format!("{lost}\nh_t = z_t * (U h_{{t-1}}) + [z_{{t-1}}, z_t] + W z_t"));
        let found = found.expect_err(lost);
        assert_eq!(crate::codes(&found, true).len(), 1, "{lost}: {}", crate::listed(&found));
    }
    // Neither a function without its definition, nor one of two equations that fix a size.
    refuse("\\Phi(v) = \\tanh(v + \\\\ h_t = \\Phi(x_t) + h_{t-1}", &["GW0003"]);
    refuse("W \\in \\mathbb{R}^{n^2 \\times n} \\\\ h_t = W h_{t-1} + w", &["GW0015"]);
}

#[test]
fn sizes_that_cannot_be_are_told_from_what_is_no_size() {
    let said = |size: &str, code: &str| {
        let found = refuse(
            &format!("h_t = \\tanh(W x_t + U h_{{t-1}}) \\\\ x_t \\in \\mathbb{{R}}^{{{size}}}"),
            &[code],
        );
        found[0].message.clone()
    };
    assert_eq!(said("0", "GW0015"), "a size is at least 1");
    for size in ["99999999", "4294967296", "1000000000000"] {
        let expected = format!("a size of {size} is above 16777216 (MAXIMUM_DIMENSION)");
        assert_eq!(said(size, "GW0505"), expected);
    }
    for size in ["2.5", "2.0"] {
        assert_eq!(said(size, "GW0015"), "this is no size");
    }
}

#[test]
fn what_is_refused_says_what_to_write() {
    let help = |text: &str, code: &str| refuse(text, &[code])[0].help.clone().unwrap_or_default();
    assert!(help("h_t = 1e999 * x_t + h_{t-1}", "GW0001").contains("1.7e308"));
    assert!(help("h_t = W h_{t-1}[1:5] + x_t; h_t: [5]", "GW0005").contains("`a[1:]` is all but the first"));
    assert!(help("h_t = W h_{t-1}[0:1] + x_t; h_t: [n]", "GW0206").contains("`[1 + m]`"));
    assert!(help("h_t = W h_{t-1}[0:m] + x_t; h_t: [n]", "GW0206").contains("\\mathbb{R}^{m}"));
}

#[test]
fn letters_that_are_no_name_are_told_once() {
    let text = "wkv_t = w \\odot wkv_{t-1} + k_t \\odot v_t \\\\ k_t = W x_t \\\\ v_t = V x_t \\\\ \
                y_t = U (r_t \\odot wkv_t) \\\\ r_t = \\sigma(R x_t)";
    let found = refuse(text, &["GW0007"]);
    assert!(found[0].help.as_deref().unwrap_or("").contains("\\mathrm{wkv}_t"), "{found:?}");
    let found = refuse(
        "\\mathbf{kv}_t = \\mathbf{kv}_{t-1} + x_t \\\\ y_t = U \\mathbf{kv}_t",
        &["GW0007", "GW0005"],
    );
    assert!(found[1].help.as_deref().unwrap_or("").contains("\\mathrm{kv}_t"), "{found:?}");
}

#[test]
fn a_vector_of_ones_and_another_norm_are_told_by_their_names() {
    let found = refuse("S_t = (a_t^\\top \\mathbf{1}) \\odot S_{t-1} + v_t k_t^\\top", &["GW0203"]);
    assert!(found[0].help.as_deref().unwrap_or("").contains("`diag(a_t) S_{t-1}`"), "{found:?}");
    let found = refuse("h_t = \\|x_t\\|_5 x_t + h_{t-1}", &["GW0005"]);
    assert!(found[0].message.contains("Euclidean"), "{found:?}");
    // What it says to write is a value.
    accept_all(&["h_t = sum(|x_t|^3)^{1/3} x_t + h_{t-1}", "h_t = sum(|x_t|) x_t + h_{t-1}"]);
}

#[track_caller]
fn accept_all(texts: &[&str]) {
    for text in texts {
        crate::cell(text);
    }
}
