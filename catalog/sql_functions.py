"""The functions an investigator's own SQL may call: what computes from its arguments, and nothing else.

A list of what is allowed, not of what is refused: a function that a later DuckDB brings along stays out until
someone has read what it does. Left out on purpose is all that reads files, settings, variables, sequences or
the environment, that runs SQL from text, writes a log, waits, or fails on demand.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


OPERATORS = _names("""
    ! !__postfix !~~ !~~* !~* % & && * ** + - ->> -> / // <-> << <=> <@ >> @ @> ^ ^@ | || ~ ~* ~~ ~~* ~~~
""")

AGGREGATES = _names("""
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_min
    arg_min_null argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if
    count_star countif covar_pop covar_samp entropy favg first fsum group_concat histogram kahan_sum kurtosis
    kurtosis_pop last list listagg mad max max_by mean median min min_by mode product quantile quantile_cont
    quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    sem skewness stddev stddev_pop stddev_samp string_agg sum sumkahan var_pop var_samp variance geomean
    geometric_mean wavg weighted_avg
""")

WINDOWS = _names("""
    cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense
    row_number
""")

NUMBERS = _names("""
    abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees divide
    even exp factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm
    least least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi pow power radians random
    round round_even roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor
""")

TEXTS = _names("""
    ascii base64 bin bit_length char_length character_length chr concat concat_ws contains damerau_levenshtein
    editdist3 encode decode ends_with format formatreadabledecimalsize formatreadablesize format_bytes
    from_base64 from_hex hamming hash hex ilike_escape instr jaccard jaro_similarity jaro_winkler_similarity
    lcase left left_grapheme len length length_grapheme levenshtein like_escape lower lpad ltrim md5
    mismatches nfc_normalize not_ilike_escape not_like_escape octet_length ord position prefix printf
    regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace
    regexp_split_to_array repeat replace reverse right right_grapheme rpad rtrim sha1 sha256 split split_part
    starts_with str_split str_split_regex string_split string_split_regex string_to_array strip_accents strlen
    strpos substr substring substring_grapheme suffix to_base64 to_binary to_hex translate trim ucase unhex
    unicode upper url_decode url_encode
""")

TIMES = _names("""
    age ago century current_date current_localtime current_localtimestamp date_add date_diff date_part
    date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear
    days_in_month decade epoch epoch_ms epoch_ns epoch_us era get_current_time get_current_timestamp hour
    isodow isoyear julian last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns
    make_timestamptz microsecond millennium millisecond minute month monthname nanosecond normalized_interval
    now quarter second strftime strptime time_bucket timezone timezone_hour timezone_minute to_centuries
    to_days to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters
    to_seconds to_timestamp to_weeks to_years today transaction_timestamp try_strptime week weekday weekofyear
    year yearweek
""")

LISTS = _names("""
    aggregate apply array_aggr array_aggregate array_append array_apply array_cat array_concat array_contains
    array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct
    array_dot_product array_extract array_filter array_grade_up array_has array_has_all array_has_any
    array_indexof array_inner_product array_intersect array_length array_negative_dot_product
    array_negative_inner_product array_pop_back array_pop_front array_position array_prepend array_push_back
    array_push_front array_reduce array_resize array_reverse array_reverse_sort array_select array_slice
    array_sort array_to_string array_transform array_unique array_value array_where array_zip cardinality
    element_at filter flatten grade_up list_aggr list_aggregate list_any_value list_append list_apply list_avg
    list_bool_and list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity
    list_count list_distance list_distinct list_dot_product list_element list_extract list_filter list_first
    list_grade_up list_has list_has_all list_has_any list_indexof list_inner_product list_intersect list_last
    list_max list_median list_min list_mode list_negative_dot_product list_negative_inner_product list_pack
    list_position list_prepend list_product list_reduce list_resize list_reverse list_reverse_sort list_select
    list_slice list_sort list_string_agg list_sum list_transform list_unique list_value list_where list_zip
    map map_concat map_contains map_entries map_extract map_extract_value map_from_entries map_keys map_values
    reduce row struct_extract struct_extract_at struct_insert struct_pack struct_concat struct_keys
    struct_values unnest unpivot_list
""")

REST = _names("""
    constant_or_null date grouping grouping_id if ifnull json_array json_array_length json_contains
    json_exists json_extract json_extract_string json_keys json_object json_type json_valid json_value nullif
    row_to_json to_json typeof
""")

FUNCTIONS = OPERATORS | AGGREGATES | WINDOWS | NUMBERS | TEXTS | TIMES | LISTS | REST
"""Every function a question may name, in lower case."""

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
"""Functions that may stand where a table stands: they make rows from their arguments alone."""

SIZED_FUNCTIONS = {"repeat": 1, "lpad": 1, "rpad": 1, "list_resize": 1, "array_resize": 1}
"""Functions that make a value as long as one argument says, with that argument's place: DuckDB neither counts
such a value against its memory limit nor stops while making it, so the length has to be a small constant."""

SIZE_MAX = 10_000
"""Longest value those may make, characters or elements: far more than a label or a table cell needs."""

FORMAT_FUNCTIONS = frozenset({"format", "printf"})
"""Functions whose first argument may ask for a padding of any width."""
