from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from catalog.errors import BadInput, NotPermitted, RtccError
from catalog.home import Home
from catalog.reader import Limits, Reader
from catalog.sql_door import check_select
from catalog.sql_functions import FUNCTIONS
from catalog.views import TABLES
from tests.catalog.filled import ANN, NOW, Notebook

HARMLESS = """
select label, count(*) as n from detections where confidence > 0.5 group by all order by n desc limit 5
from detections select camera_id, sum(confidence) over (partition by label order by seen_at rows 3 preceding)
with recursive a(x) as (select 1 union all select x + 1 from a where x < 10) select * from a
with a as (select 1 as x), b as (select * from a) select * from a join b using (x)
with detections as (select 1 as x) select * from detections
select * from (pivot detections on label in ('car', 'bus') using count(*))
unpivot (select 1 as a, 2 as b) on a, b
describe detections
summarize select confidence from detections
values (1), (2)
table cameras
select lpad(hour(seen_at)::varchar, 2, '0'), count(*) filter (confidence > 0) from detections group by 1 having true
select * from detections d where exists (select 1 from cameras c where c.camera_id = d.camera_id)
select camera_id from detections union all by name select camera_id from tracks
select * from range(3) t(i), unnest([1, 2]) u(j), lateral (select i + j)
select [y * 2 for y in [1, 2] if y > 1], {'a': 1}.a, case when true then 1 end, try_cast('x' as int), map {'a': 1}
select * exclude (run_id) replace (upper(label) as label) from detections
select columns('x.*'), columns(c -> c like 'y%') from detections
select distinct on (camera_id) * from detections order by camera_id, seen_at desc nulls last
select d.* from detections d asof join tracks t on d.camera_id = t.camera_id and d.seen_at >= t.start_at
select sum(confidence) over w from detections window w as (partition by label)
select label, camera_id, count(*) from detections group by cube (label, camera_id)
select * from detections where seen_at >= (select max(seen_at) from detections) - interval 5 minute
select strftime(seen_at at time zone 'America/Chicago', '%H:%M'), format('{:.2f}', confidence) from detections
select * from detections where (camera_id, label) in (select camera_id, label from tracks)
select date_diff('minute', min(seen_at), max(seen_at)), now() > max(seen_at), current_date from detections
select unnest(track_ids), i from events, generate_series(1, 2) t(i)
select d, d.label from detections d limit 1
select * from detections tablesample 50%
from DETECTIONS select CAMERA_ID
select 1; -- and a word
""".strip().splitlines()

REFUSED = """
select * from read_parquet('{lake}/main/detections/**/*.parquet')
select * from parquet_scan('{lake}/main/detections/**/*.parquet')
select * from parquet_metadata('{lake}/x.parquet')
select * from read_csv('/etc/passwd')
select * from read_text('/etc/passwd')
select * from read_blob('/etc/passwd')
select * from read_json('/etc/passwd')
select * from glob('/**')
select * from sniff_csv('/etc/passwd')
select * from '/etc/passwd'
select * from '{lake}/main/detections/x.parquet'
select * from "{lake}/main/detections/x.parquet"
from 'https://example.org/x.parquet'
select * from lake.detections
select * from lake.main.detections
select * from main.detections
select * from temp.detections
select * from memory.main.detections
select * from past.detections
select * from __ducklake_metadata_lake.ducklake_snapshot
select * from ducklake_snapshot
select * from information_schema.tables
select * from pg_catalog.pg_class
select * from pg_class
select * from sqlite_master
select * from duckdb_tables
select * from duckdb_tables()
select * from duckdb_settings()
select * from duckdb_secrets()
select * from duckdb_views()
select * from duckdb_databases()
select * from pragma_database_list
select * from pragma_database_list()
select * from pragma_table_info('detections')
select * from pragma_storage_info('detections')
select * from query('select * from lake.detections')
select * from query_table('lake.detections')
select * from query_table(['detections'])
select * from json_execute_serialized_sql('x')
select * from ducklake_snapshots('lake')
select * from ducklake_list_files('lake', 'detections')
select * from sqlite_scan('x', 'y')
select * from postgres_scan('x', 'y', 'z')
select * from which_secret('x', 'y')
select * from test_all_types()
select * from repeat_row(1, num_rows = 10)
select * from seq_scan('x')
select * from checkpoint()
select * from rtcc_spans
select * from rtcc_tracks('-infinity')
select * from rtcc_superseded
select * from memories
select * from track_states
select * from detections at (version => 1)
select * from detections at (timestamp => now())
select getenv('HOME')
select current_setting('allowed_directories')
select getvariable('x')
select nextval('x')
select current_query()
select current_database()
select txid_current()
select write_log('x')
select error('x')
select sleep_ms(100000)
select pg_sleep(100)
select in_search_path('lake', 'main')
select json_serialize_sql('select 1')
select json_deserialize_sql('x')
select version()
select has_table_privilege('x', 'y')
select pg_get_viewdef(1)
select system.main.getenv('HOME')
select lake.main.lower('X')
select repeat('x', 1000000000)
select repeat('x', length(label) * 1000000) from detections
select lpad('x', 2000000000, 'y')
select list_resize([1], 1000000000)
select range(1000000000)
select generate_series(1, 1000000000)
select unnest(range(1000000000))
select format('{{:1000000000}}', 1)
select format('{{:{{}}}}', 1, 1000000000)
select printf('%1000000000d', 1)
select printf('%*d', 1000000000, 1)
select format(label, 1) from detections
attach '/tmp/x.db'
attach ':memory:' as other
detach lake
use lake
copy detections to '/tmp/x.csv'
copy (select 1) to '/tmp/x.csv'
export database '/tmp/x'
install httpfs
load httpfs
set enable_external_access = true
set variable x = 1
reset enable_external_access
pragma version
pragma enable_profiling
call pragma_version()
call duckdb_tables()
explain select 1
explain analyze select * from detections
prepare p as select 1
execute p
create table x (i int)
create temp view detections as select 1
create macro m() as 1
create secret (type s3)
insert into detections values (1)
update cameras set legal_basis = 'city'
delete from audit
truncate audit
drop view detections
alter table cameras add column x int
comment on table cameras is 'x'
begin transaction
rollback
checkpoint
vacuum
analyze
show tables
show all tables
describe
pivot detections on label using count(*)
""".strip().splitlines()

NESTED = """
select (select count(*) from {bad})
select * from (select * from {bad})
select * from detections, lateral (select * from {bad})
select * from detections where camera_id in (select camera_id from {bad})
select * from detections where exists (from {bad})
select * from detections where camera_id = any (select camera_id from {bad})
select * from detections order by (select count(*) from {bad})
select * from detections limit (select count(*) from {bad})
select * from detections offset (select count(*) from {bad})
select count(*) from detections group by (select count(*) from {bad})
select count(*) from detections having (select count(*) from {bad}) > 0
select * from detections qualify row_number() over (partition by (select count(*) from {bad})) = 1
select sum(confidence) over (order by (select count(*) from {bad})) from detections
select sum(confidence) over (rows (select count(*) from {bad}) preceding) from detections
select count(*) filter ((select count(*) from {bad}) > 0) from detections
select string_agg(label, ',' order by (select count(*) from {bad})) from detections
select * from detections d join cameras c on (select count(*) from {bad}) > 0
select * from detections join {bad} using (camera_id)
select camera_id from detections union select camera_id from {bad}
select camera_id from detections except select camera_id from {bad}
select camera_id from detections intersect all select camera_id from {bad}
values ((select count(*) from {bad}))
select case when (select count(*) from {bad}) > 0 then 1 end
select [x for x in [(select count(*) from {bad})]]
select list_transform([1], lambda x: (select count(*) from {bad}))
select cast((select count(*) from {bad}) as varchar)
select 1 between (select count(*) from {bad}) and 2
select coalesce((select count(*) from {bad}), 1)
select struct_pack(a := (select count(*) from {bad}))
select * replace ((select count(*) from {bad}) as label) from detections
select columns(c -> (select count(*) from {bad}) > 0) from detections
select * from range((select count(*) from {bad}))
select * from unnest((select list(camera_id) from {bad}))
select * from (pivot {bad} on label in ('a') using count(*))
select * from (pivot detections on label in ('a') using count((select count(*) from {bad})))
unpivot (select * from {bad}) on label
with a as (select * from {bad}) select 1
with a as materialized (select * from {bad}) select * from a
with recursive a as (select 1 as x union all select x + 1 from a, {bad}) select * from a
with recursive a as (select count(*) as x from {bad} union all select x from a) select * from a
select * from (with a as (select * from {bad}) select * from a)
select (with {bad} as (select 1) select 1), (select count(*) from {bad})
select * from {bad} where exists (with {bad} as (select 1) select 1)
with a as (select * from {bad}), {bad} as (select 1) select * from a
describe {bad}
summarize {bad}
from {bad}
table {bad}
select * from detections asof join {bad} b on detections.seen_at >= b.seen_at
select * from detections positional join {bad}
select * from detections semi join {bad} using (camera_id)
select distinct on ((select count(*) from {bad})) * from detections
select 'a' collate nocase = (select max(camera_id) from {bad})
select cast(1 as int) in (select 1 from {bad})
""".strip().splitlines()


@pytest.fixture(scope="module")
def parser() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def reader(filled_home: Home) -> Iterator[Reader]:
    with Reader(filled_home, ANN, Notebook(), clock=lambda: NOW, threads=1) as reader:  # type: ignore[arg-type]
        yield reader


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_reads_and_reckons_may_run(reader: Reader, text: str) -> None:
    assert reader.sql(text).num_columns > 0


@pytest.mark.parametrize("text", REFUSED)
def test_what_does_more_than_read_these_tables_is_refused(
    parser: duckdb.DuckDBPyConnection, reader: Reader, filled_home: Home, text: str
) -> None:
    statement = text.format(lake=filled_home.lake_path.rstrip("/"))
    with pytest.raises((NotPermitted, BadInput)):
        check_select(parser, statement, TABLES)
    with pytest.raises((NotPermitted, BadInput)):
        reader.sql(statement)


@pytest.mark.parametrize("bad", ["lake.detections", "duckdb_tables", "'x.parquet'", "pg_class", "track_states"])
@pytest.mark.parametrize("text", NESTED)
def test_no_place_in_a_statement_lets_another_table_in(
    parser: duckdb.DuckDBPyConnection, text: str, bad: str
) -> None:
    if bad == "lake.detections" and f"{bad} as (" in text.format(bad=bad):
        pytest.skip("a name given in `with` has no dots")
    with pytest.raises((NotPermitted, BadInput)):
        check_select(parser, text.format(bad=bad), TABLES)


@pytest.mark.parametrize("function", ["getenv('HOME')", "current_setting('x')", "getvariable('x')", "nextval('x')"])
@pytest.mark.parametrize(
    "text",
    [
        "select {bad}",
        "select * from detections where {bad} = label",
        "select * from detections order by {bad}",
        "select max({bad}) from detections",
        "select list_transform([1], lambda x: {bad})",
        "select * from range({bad}::int)",
        "values ({bad})",
        "select sum(1) over (partition by {bad}) from detections",
        "select string_agg(label, {bad}) from detections",
        "select * replace ({bad} as label) from detections",
        "select columns(c -> c = {bad}) from detections",
        "select 1 limit {bad}::int",
        "select label.lower().concat({bad}) from detections",
        "select ('x').concat({bad})",
        "with a as (select {bad}) select * from a",
        "select {bad} is null, not {bad}, {bad} in ('x'), {bad} between 'a' and 'b', {bad}::varchar collate nocase",
    ],
)
def test_no_place_in_a_statement_lets_another_function_in(
    parser: duckdb.DuckDBPyConnection, text: str, function: str
) -> None:
    with pytest.raises((NotPermitted, BadInput)):
        check_select(parser, text.format(bad=function), TABLES)


@pytest.mark.parametrize(
    "text",
    [
        "select 'HOME'.getenv()",
        "select ('HOME').getenv()",
        "select 'a'.current_setting()",
        "select \"getenv\"('HOME')",
    ],
)
def test_another_way_to_write_a_call_is_a_call(parser: duckdb.DuckDBPyConnection, text: str) -> None:
    with pytest.raises((NotPermitted, BadInput)):
        check_select(parser, text, TABLES)


@pytest.mark.parametrize(
    "name", ["duckdb_tables", "PG_CLASS", '"x.parquet"', '"/etc/passwd"', "rtcc_spans", '"a b"']
)
def test_a_name_given_in_with_cannot_pose_as_something_that_is_there(
    parser: duckdb.DuckDBPyConnection, name: str
) -> None:
    with pytest.raises(NotPermitted):
        check_select(parser, f"with {name} as (select 1) select * from {name}", TABLES)


@pytest.mark.parametrize(
    "text", ["", "  ", "-- nothing", ";", "select", "selec 1", "select * from", "\x00", "select $$"]
)
def test_what_is_no_sql_is_said_to_be_none(parser: duckdb.DuckDBPyConnection, text: str) -> None:
    with pytest.raises(BadInput):
        check_select(parser, text, TABLES)


@pytest.mark.parametrize(
    "text", ["select 1; select 2", "select 1; drop table x", "drop table x; select 1", "set x = 1; select 1"]
)
def test_only_one_statement_runs(parser: duckdb.DuckDBPyConnection, text: str) -> None:
    with pytest.raises((BadInput, NotPermitted)):
        check_select(parser, text, TABLES)


@pytest.mark.parametrize("text", ["select ?", "select $1", "select $name", "select * from detections limit ?"])
def test_a_parameter_that_nothing_is_bound_to_is_refused(parser: duckdb.DuckDBPyConnection, text: str) -> None:
    with pytest.raises(BadInput, match="parameter"):
        check_select(parser, text, TABLES)


def test_a_python_variable_is_no_table(reader: Reader) -> None:
    secrets = [{"a": 1}]
    with pytest.raises(BadInput, match="no table 'secrets'"):
        reader.sql("select * from secrets")
    assert secrets


def test_a_misspelt_table_gets_a_hint(parser: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(BadInput, match="did you mean detections"):
        check_select(parser, "select * from detection", TABLES)


def test_a_statement_nested_too_deep_is_refused_and_stops_nothing(parser: duckdb.DuckDBPyConnection) -> None:
    for text in (
        "select " + "(" * 900 + "1" + ")" * 900,
        "select " + "-" * 5000 + "1",
        "select " + "1+" * 20_000 + "1",
    ):
        try:
            check_select(parser, text, TABLES)
        except (BadInput, NotPermitted):
            continue


def test_a_text_too_long_is_not_read(parser: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(BadInput, match="characters long"):
        check_select(parser, "select '" + "x" * 200_000 + "'", TABLES)


def test_every_function_that_may_be_called_is_one_of_duckdbs(parser: duckdb.DuckDBPyConnection) -> None:
    known = {
        name
        for (name,) in parser.execute("select distinct lower(function_name) from duckdb_functions()").fetchall()
    }
    written_by_the_parser = {"!", "->", "~*", "!~*", "grouping", "grouping_id", "if", "ifnull", "date", "unnest"}
    windows = {"cume_dist", "fill", "nth_value", "ntile", "percent_rank"}
    assert FUNCTIONS - known - written_by_the_parser - windows == set()


def test_no_function_that_may_be_called_changes_or_waits(parser: duckdb.DuckDBPyConnection) -> None:
    volatile = parser.execute(
        "select distinct lower(function_name) from duckdb_functions() where stability = 'VOLATILE'"
    ).fetchall()
    assert {name for (name,) in volatile} & FUNCTIONS == {"random"}


def test_files_stay_closed_even_where_the_statement_is_not_checked(reader: Reader) -> None:
    for text in (
        "select * from read_text('/etc/passwd')",
        "attach '/tmp/x.db' as o",
        "copy (select 1) to '/tmp/x.csv'",
        "insert into lake.cameras select * from lake.cameras",
        "set threads = 1",
        "load httpfs",
    ):
        with pytest.raises(duckdb.Error):
            reader._connection.execute(text)


@pytest.fixture
def hurried(filled_home: Home) -> Iterator[Reader]:
    limits = Limits(timeout_s=0.5, memory_bytes=200 * 1024**2, spill_bytes=10 * 1024**2, answer_bytes=1024**2)
    with Reader(filled_home, ANN, Notebook(), clock=lambda: NOW, limits=limits, threads=1) as reader:  # type: ignore[arg-type]
        yield reader


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "select count(*) from range(10000000000) a, range(1000000) b where a.range % 7 = b.range % 3",
            "no answer within",
        ),
        (
            "with recursive a(x) as (select 1 union all select x + 1 from a) select count(*) from a",
            "no answer within",
        ),
        ("select * from range(10000000)", "larger than"),
        ("select list(range) from range(1000000000)", "memory|no answer within"),
        ("select string_agg(range::varchar, '') from range(1000000000)", "memory|no answer within"),
    ],
)
def test_a_question_that_asks_too_much_ends_and_says_so(hurried: Reader, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        hurried.sql(text)
    assert hurried.sql("select 1 as one").to_pylist() == [{"one": 1}]


def test_a_refusal_and_a_failure_are_in_the_audit(filled_home: Home) -> None:
    notebook = Notebook()
    with Reader(filled_home, ANN, notebook, clock=lambda: NOW, threads=1) as reader:  # type: ignore[arg-type]
        for text in ("select getenv('HOME')", "select nothing from detections"):
            with pytest.raises(RtccError):
                reader.sql(text)
    assert [line.question for _, line in notebook.lines] == [
        "select getenv('HOME')",
        "select nothing from detections",
    ]
    assert [line.outcome.split(":")[0] for _, line in notebook.lines] == ["refused", "failed"]
