//! The table of the zoo, one row for each file of `runtime/zoo`: constant, file, year, title, reference.

use super::Entry;

/// Makes a constant of each row, and the list of all.
macro_rules! zoo {
    ($($constant:ident $name:literal $year:literal $title:literal $reference:literal
       $(frozen [$($frozen:literal),+])? $(lacks $lacks:literal)?;)+) => {
        $(
            #[doc = concat!($title, ", ", $year, ".")]
            pub const $constant: Entry = Entry {
                name: $name,
                title: $title,
                year: $year,
                reference: $reference,
                frozen: &[$($($frozen),+)?],
                lacks: zoo!(@lacks $($lacks)?),
                text: include_str!(concat!("../../zoo/", $name, ".md")),
            };
        )+

        /// Every cell, in the order of the catalogue: plain recurrences, the families of the LSTM and the GRU, light
        /// cells and matrix memories, continuous time.
        pub const ALL: &[Entry] = &[$($constant),+];
    };
    (@lacks) => { None };
    (@lacks $lacks:literal) => { Some($lacks) };
}

zoo! {
    ELMAN "elman" 1990 "Elman RNN (SRN)" "Elman, Cognitive Science 14";
    JORDAN "jordan" 1986 "Jordan RNN" "Jordan, TR 8604 UCSD";
    IRNN "irnn" 2015 "IRNN (identity-initialised ReLU RNN)" "Le, Jaitly, Hinton arXiv:1504.00941";
    INDRNN "indrnn" 2018 "IndRNN" "Li et al. CVPR, arXiv:1803.04831";
    ESN "esn" 2001 "Leaky echo-state network" "Jaeger GMD 148" frozen ["W", "U"];
    MRNN "mrnn" 2011 "Multiplicative RNN" "Sutskever, Martens, Hinton ICML";
    MI_RNN "mi_rnn" 2016 "Multiplicative-integration RNN" "Wu et al. NeurIPS, arXiv:1606.06630";
    ANTISYM "antisym" 2019 "AntisymmetricRNN" "Chang et al. ICLR, arXiv:1902.09689";
    GATED_ANTISYM "gated_antisym" 2019 "Gated AntisymmetricRNN" "Chang et al. ICLR, arXiv:1902.09689";
    CORNN "cornn" 2021 "coRNN" "Rusch & Mishra ICLR, arXiv:2010.00951";
    UNICORNN "unicornn" 2021 "UnICORNN" "Rusch & Mishra ICML, arXiv:2103.05487";
    CLOCKWORK "clockwork" 2014 "Clockwork RNN" "Koutnik et al. ICML, arXiv:1402.3511" frozen ["p"];
    SCRN "scrn" 2015 "SCRN (structurally constrained RNN)" "Mikolov et al. ICLR-W, arXiv:1412.7753";
    LSTM97 "lstm97" 1997 "LSTM 1997 (no forget gate)" "Hochreiter & Schmidhuber, Neural Comp. 9(8)";
    LSTM "lstm" 2000 "LSTM 2000 (forget gate)" "Gers, Schmidhuber, Cummins, Neural Comp. 12(10)";
    PEEPHOLE "peephole" 2002 "LSTM with peepholes" "Gers, Schraudolph, Schmidhuber JMLR 3";
    LSTMP "lstmp" 2014 "LSTMP (recurrent projection)" "Sak, Senior, Beaufays, arXiv:1402.1128";
    CIFG "cifg" 2015 "CIFG (coupled input and forget gate)" "Greff et al., arXiv:1503.04069";
    NIG "nig" 2015 "NIG (no input gate)" "Greff et al., arXiv:1503.04069";
    NFG "nfg" 2015 "NFG (no forget gate)" "Greff et al., arXiv:1503.04069";
    NOG "nog" 2015 "NOG (no output gate)" "Greff et al., arXiv:1503.04069";
    NIAF "niaf" 2015 "NIAF (no input activation function)" "Greff et al., arXiv:1503.04069";
    NOAF "noaf" 2015 "NOAF (no output activation function)" "Greff et al., arXiv:1503.04069";
    NP "np" 2015 "NP (no peepholes)" "Greff et al., arXiv:1503.04069";
    FGR "fgr" 2015 "FGR (full gate recurrence)" "Greff et al., arXiv:1503.04069";
    SLIM4 "slim4" 2017 "Slim LSTM 4 (of LSTM1..5)" "Akandeh & Salem, arXiv:1707.04619";
    INDYLSTM "indylstm" 2019 "IndyLSTM" "Gonnet & Deselaers, arXiv:1903.08023";
    MULT_LSTM "mult_lstm" 2016 "Multiplicative LSTM (mLSTM of Krause)" "Krause et al., arXiv:1609.07959";
    MI_LSTM "mi_lstm" 2016 "Multiplicative-integration LSTM" "Wu et al., arXiv:1606.06630";
    JANET "janet" 2018 "JANET" "van der Westhuizen & Lasenby, arXiv:1804.04849";
    RAN "ran" 2017 "RAN (recurrent additive network)" "Lee, Levy, Zettlemoyer, arXiv:1705.07393";
    WMCLSTM "wmclstm" 2021 "WMC-LSTM (working memory connections)" "Landi et al. Neural Networks, arXiv:2109.00020";
    RESLSTM "reslstm" 2017 "Residual LSTM" "Kim et al., arXiv:1701.03360";
    MC_LSTM_CTRL "mc_lstm_ctrl" 2017 "MC-LSTM (memory controller)" "NIPS 2017 workshop (Intel)";
    HIGHWAY_LSTM "highway_lstm" 2016 "Highway (depth-gated) LSTM" "Zhang et al. ICASSP, arXiv:1510.08983";
    NESTED_LSTM "nested_lstm" 2018 "Nested LSTM" "Moniz & Krueger ACML, arXiv:1801.10308";
    MOGRIFIER "mogrifier" 2020 "Mogrifier LSTM (5 rounds)" "Melis, Kocisky, Blunsom ICLR, arXiv:1909.01792";
    HYPERLSTM "hyperlstm" 2017 "HyperLSTM" "Ha, Dai, Le ICLR, arXiv:1609.09106";
    ON_LSTM "on_lstm" 2019 "ON-LSTM (ordered neurons)" "Shen et al. ICLR, arXiv:1810.09536";
    LN_LSTM "ln_lstm" 2016 "LayerNorm LSTM" "Ba, Kiros, Hinton, arXiv:1607.06450";
    ZONEOUT_LSTM "zoneout_lstm" 2017 "Zoneout LSTM" "Krueger et al. ICLR, arXiv:1606.01305";
    RECDROP_LSTM "recdrop_lstm" 2016 "Recurrent dropout without memory loss" "Semeniuta et al., arXiv:1603.05118";
    TLSTM_TIME "tlstm_time" 2017 "Time-aware LSTM (T-LSTM)" "Baytas et al. KDD";
    PHASED_LSTM "phased_lstm" 2016 "Phased LSTM" "Neil, Pfeiffer, Liu NeurIPS, arXiv:1610.09513";
    GRU_V3 "gru_v3" 2014 "GRU, reset before the product (paper v3)" "Cho et al. arXiv:1406.1078v3; Chung et al. arXiv:1412.3555";
    GRU_V1 "gru_v1" 2014 "GRU, reset after the product (paper v1, cuDNN)" "Cho et al. arXiv:1406.1078v1; cuDNN";
    GRU1 "gru1" 2017 "GRU1 (gates: state and bias)" "Dey & Salem, arXiv:1701.05923";
    GRU2 "gru2" 2017 "GRU2 (gates: state only)" "Dey & Salem, arXiv:1701.05923";
    GRU3 "gru3" 2017 "GRU3 (gates: bias only)" "Dey & Salem, arXiv:1701.05923";
    MGU "mgu" 2016 "MGU (minimal gated unit)" "Zhou et al. IJAC, arXiv:1603.09420";
    MGU1 "mgu1" 2017 "MGU1" "Heck & Salem, arXiv:1701.03452";
    MGU2 "mgu2" 2017 "MGU2" "Heck & Salem, arXiv:1701.03452";
    MGU3 "mgu3" 2017 "MGU3" "Heck & Salem, arXiv:1701.03452";
    MUT1 "mut1" 2015 "MUT1" "Jozefowicz, Zaremba, Sutskever, ICML";
    MUT2 "mut2" 2015 "MUT2" "Jozefowicz, Zaremba, Sutskever, ICML";
    MUT3 "mut3" 2015 "MUT3" "Jozefowicz, Zaremba, Sutskever, ICML";
    LIGRU "ligru" 2018 "Li-GRU" "Ravanelli et al., arXiv:1803.10225";
    UGRNN "ugrnn" 2017 "UGRNN (update gate RNN)" "Collins, Sohl-Dickstein, Sussillo ICLR, arXiv:1611.09913";
    INTERSECTION "intersection" 2017 "Intersection RNN (+RNN)" "Collins et al., arXiv:1611.09913";
    CFN "cfn" 2017 "CFN (chaos-free network)" "Laurent & von Brecht ICLR, arXiv:1612.06212";
    LIGHTRU "lightru" 2024 "LightRU" "Ye et al. MDPI Electronics 13(16)";
    STAR "star" 2021 "STAR" "Turkoglu et al. TPAMI, arXiv:1911.11033";
    SGRN "sgrn" 2021 "SGRN" "IET GTD doi:10.1049/gtd2.12056";
    MINIMALRNN "minimalrnn" 2017 "MinimalRNN" "Chen, arXiv:1711.06788";
    BRC "brc" 2021 "BRC (bistable recurrent cell)" "Vecoven, Ernst, Drion PLoS ONE, arXiv:2006.05252";
    NBRC "nbrc" 2021 "nBRC (neuromodulated)" "Vecoven, Ernst, Drion, PLoS ONE, arXiv:2006.05252";
    ATR "atr" 2018 "ATR (addition-subtraction twin-gated)" "Zhang et al. EMNLP, arXiv:1810.12546";
    FASTRNN "fastrnn" 2018 "FastRNN" "Kusupati et al. NeurIPS, arXiv:1901.02358";
    FASTGRNN "fastgrnn" 2018 "FastGRNN" "Kusupati et al., NeurIPS, arXiv:1901.02358";
    SGU "sgu" 2016 "SGU (simple gated unit)" "Gao & Glowacka, arXiv:1604.02910";
    DSGU "dsgu" 2016 "DSGU (deep SGU)" "Gao & Glowacka, arXiv:1604.02910";
    MIRU1 "miru1" 2025 "MiRU1" "arXiv:2503.06175";
    MIRU2 "miru2" 2025 "MiRU2" "arXiv:2503.06175";
    TAUGRU "taugru" 2023 "tau-GRU (delay feedback)" "Erichson et al., arXiv:2212.00228";
    LEM "lem" 2022 "LEM (long expressive memory)" "Rusch et al. ICLR, arXiv:2110.04744";
    DELTARNN "deltarnn" 2017 "Delta-RNN" "Ororbia, Mikolov, Reitter, arXiv:1703.08864";
    LN_GRU "ln_gru" 2016 "LayerNorm GRU" "Ba et al., arXiv:1607.06450";
    GRU_D "gru_d" 2018 "GRU-D (missing values)" "Che et al. Sci. Rep., arXiv:1606.01865";
    AUGRU "augru" 2019 "AUGRU (attentional update gate)" "Zhou et al. DIEN AAAI, arXiv:1809.03672";
    GRU_ODE "gru_ode" 2019 "GRU-ODE (Euler)" "De Brouwer et al. NeurIPS, arXiv:1905.12374";
    RHN "rhn" 2017 "RHN (recurrent highway, depth 3, coupled carry)" "Zilly et al. ICML, arXiv:1607.03474";
    NAS "nas" 2017 "NAS cell" "Zoph & Le, ICLR, arXiv:1611.01578";
    TRNN "trnn" 2016 "T-RNN (strongly typed)" "Balduzzi & Ghifary ICML, arXiv:1602.02218";
    TGRU "tgru" 2016 "T-GRU (strongly typed)" "Balduzzi & Ghifary, ICML, arXiv:1602.02218";
    TLSTM "tlstm" 2016 "T-LSTM (strongly typed)" "Balduzzi & Ghifary, ICML, arXiv:1602.02218";
    QRNN "qrnn" 2017 "QRNN (fo-pooling, window 2)" "Bradbury et al. ICLR, arXiv:1611.01576";
    SRU1 "sru1" 2017 "SRU v1" "Lei et al., arXiv:1709.02755v1";
    SRU2 "sru2" 2018 "SRU v2 (EMNLP)" "Lei et al., arXiv:1709.02755";
    MINGRU "mingru" 2024 "minGRU" "Feng et al., arXiv:2410.01201";
    MINLSTM "minlstm" 2024 "minLSTM" "Feng et al., arXiv:2410.01201";
    RGLRU "rglru" 2024 "RG-LRU (Griffin)" "De et al., arXiv:2402.19427";
    RWA "rwa" 2017 "RWA (recurrent weighted average)" "Ostmeyer & Cowell, arXiv:1703.01253";
    RWKV4 "rwkv4" 2023 "RWKV-4 time mixing" "Peng et al., arXiv:2305.13048";
    SLSTM "slstm" 2024 "sLSTM (xLSTM scalar memory)" "Beck et al., arXiv:2405.04517";
    MLSTM "mlstm" 2024 "mLSTM (xLSTM matrix memory)" "Beck et al., arXiv:2405.04517";
    GLA "gla" 2024 "GLA (gated linear attention)" "Yang et al., arXiv:2312.06635";
    DELTANET "deltanet" 2021 "DeltaNet / fast weight programmer" "Schlag, Irie, Schmidhuber ICML, arXiv:2102.11174";
    GATED_DELTANET "gated_deltanet" 2025 "Gated DeltaNet" "Yang et al., arXiv:2412.06464";
    FASTWEIGHTS "fastweights" 2016 "Fast weights" "Ba et al. NeurIPS, arXiv:1610.06258";
    LMU "lmu" 2019 "LMU (Legendre memory unit)" "Voelker, Kajić, Eliasmith, NeurIPS" frozen ["A", "b"];
    CFC "cfc" 2022 "CfC (closed-form continuous-time)" "Hasani et al. Nature MI, arXiv:2106.13898";
    LTC "ltc" 2021 "LTC (liquid time-constant, 2 solver steps)" "Hasani et al. AAAI, arXiv:2006.04439";
    SKIPRNN "skiprnn" 2018 "Skip RNN (on GRU v3)" "Campos et al. ICLR, arXiv:1708.06834";
    MASS_LSTM "mass_lstm" 2021 "MC-LSTM (mass-conserving)" "Hoedt et al. ICML, arXiv:2101.05186";
}
