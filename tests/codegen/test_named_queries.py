"""The functions of named queries do what their query files say, over a real database."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from codegen import output
from codegen.pipeline import Source, generate
from ragkernel.errors import DecodeError, ValueRefused
from tests.codegen.test_cases import CASES
from tests.generated.support import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The output of the cases about query files, as packages of the folder."""
    folder = tmp_path_factory.mktemp("named")
    for name in ("query_vocabulary", "sqlc_files"):
        case = CASES / name
        made = generate(Source((case / "schema.sql",), (case / "queries",), runtime="ragkernel", strict=True))
        output.write(made, folder / f"named_{name}")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def opened(package: str) -> Connection:
    conn = Connection()
    for statement in importlib.import_module(f"{package}.schema").DDL["main"]:
        conn.raw.execute(statement)
    return conn


@pytest.fixture
def music(packages: Path) -> Any:
    return importlib.import_module("named_query_vocabulary.queries.music")


@pytest.fixture
def models(packages: Path) -> Any:
    return importlib.import_module("named_query_vocabulary.models")


@pytest.fixture
def conn(packages: Path) -> Iterator[Connection]:
    """Two artists with albums, one without; the second album has nothing but its key and its artist."""
    made = opened("named_query_vocabulary")
    made.raw.execute("INSERT INTO artists (id, name) VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cyd')")
    made.raw.execute(
        "INSERT INTO albums (id, artist_id, title, kind, price, released) VALUES"
        " (1, 1, 'One', 'live', 5, '2026-01-01 00:00:00'), (2, 1, NULL, NULL, 7, NULL),"
        " (3, 2, 'Three', 'studio', 6, '2026-01-03 00:00:00')"
    )
    made.raw.execute("INSERT INTO tags (album_id, tag) VALUES (1, 'new'), (1, 'loud'), (3, NULL)")
    yield made
    made.close()


@pytest.fixture
def books(packages: Path) -> Any:
    return importlib.import_module("named_sqlc_files.queries.query")


@pytest.fixture
def shop(packages: Path) -> Iterator[Connection]:
    made = opened("named_sqlc_files")
    yield made
    made.close()


def test_an_embed_is_the_row_class_of_its_table(music: Any, models: Any, conn: Connection) -> None:
    """sqlc.embed gives an object of the table's own class beside the plain columns."""
    found = music.album_with_artist(conn, id=1)
    assert found.artist == models.Artist(1, "Ann", None)
    assert type(found.album) is models.Album
    assert (found.album.title, found.album.released, found.double_price) == ("One", DAYS[0], 10.0)
    assert music.album_with_artist(conn, id=9) is None


def test_a_left_joined_embed_is_none_only_where_it_is_missing(music: Any, conn: Connection) -> None:
    """A row that is there is an object, whatever in it is NULL; None says that no row was joined."""
    found = [(one.name, one.album and one.album.id) for one in music.artists_and_albums(conn)]
    assert found == [("Ann", 1), ("Ann", 2), ("Bob", 3), ("Cyd", None)]
    tagged = [(one.title, one.tag and (one.tag.album_id, one.tag.tag)) for one in music.tagged(conn)]
    assert tagged == [("One", (1, "new")), ("One", (1, "loud")), (None, None), ("Three", (3, None))]
    conn.raw.execute("INSERT INTO tags (rowid, album_id, tag) VALUES (0, 3, 'zero')")
    assert [one.tag and one.tag.tag for one in music.tagged(conn)][-2:] == ["zero", None]


def test_an_embedded_value_of_another_type_is_named(music: Any, conn: Connection) -> None:
    """A stored value that is not of its column's type is an error with the embedded table and column."""
    conn.raw.execute("UPDATE albums SET released = 'soon' WHERE id = 1")
    with pytest.raises(DecodeError, match=r"albums.*released"):
        music.album_with_artist(conn, id=1)


def test_an_embed_beside_an_aggregate_may_be_missing(music: Any, conn: Connection) -> None:
    """An aggregate over no rows gives one row all the same, in which the embedded table has none."""
    found = music.newest_album(conn, artist_id=1)
    assert (found.album.id, found.newest) == (2, 2)
    found = music.newest_album(conn, artist_id=9)
    assert (found.album, found.newest) == (None, None)


def test_an_optional_argument_leaves_the_column_alone(music: Any, conn: Connection) -> None:
    """sqlc.narg may be left out: it is NULL, of the type of what it stands for."""
    assert music.retitle(conn, id=1, price=3.5) == 1
    assert music.retitle(conn, id=1, title="Uno") == 1
    assert conn.raw.execute("SELECT title, price FROM albums WHERE id = 1").fetchone() == ("Uno", 3.5)


def test_rows_are_grouped(music: Any, conn: Connection) -> None:
    """Rows of one parent are one object with a list, empty where the outer join found nothing; the order is kept."""
    found = music.discographies(conn)
    assert [(one.artist.name, [album.id for album in one.albums]) for one in found] == [
        ("Ann", [1, 2]),
        ("Bob", [3]),
        ("Cyd", []),
    ]
    one = music.discography(conn, id=1)
    assert (one.id, one.name, [album.title for album in one.albums]) == (1, "Ann", ["One", None])
    assert music.discography(conn, id=3).albums == []
    assert music.discography(conn, id=9) is None
    assert [(one.id, one.tags) for one in music.albums_with_tags(conn)] == [(1, ["new", "loud"]), (2, []), (3, [])]


def test_a_list_is_one_parameter(music: Any, conn: Connection) -> None:
    """A list of any length, an empty one too, goes into one constant statement; its values are checked."""
    assert [one.id for one in music.with_ids(conn, ids=[3, 1, 1, 9])] == [1, 3]
    assert music.with_ids(conn, ids=()) == []
    assert [one.id for one in music.with_ids(conn, ids=iter(range(2, 1000)))] == [2, 3]
    assert len(set(conn.statements)) == 1
    assert music.of_kinds(conn, kinds=["live", "studio"], days=[DAYS[2]])[0].id == 1
    for wrong in (["1"], [2**63], [None], [True]):
        with pytest.raises(ValueRefused):
            music.with_ids(conn, ids=wrong)


def test_a_list_of_blobs(music: Any, conn: Connection) -> None:
    """BLOBs, which JSON cannot hold, are cut out of one BLOB: empty ones and any bytes too, over an index."""
    hashes = [b"", b"\0", b"\xff" * 3, bytes(range(256))]
    rows = [(one, place + 1) for place, one in enumerate(hashes)]
    conn.raw.executemany("INSERT INTO covers (hash, album_id) SELECT ?1, ?2", [(one, min(n, 3)) for one, n in rows])
    for wanted in ([], hashes[:1], hashes[1:3], hashes[::-1], [b"none", b"\xff" * 2]):
        found = {one.hash for one in music.covers_of(conn, hashes=iter(wanted))}
        assert found == set(wanted) & set(hashes)
        assert len(music.covers_without(conn, hashes=wanted)) == len(set(hashes) - set(wanted))
    assert len(music.covers_without(conn)) == len(hashes)
    with pytest.raises(ValueRefused):
        music.covers_of(conn, hashes=["00"])
    plan = conn.raw.execute(f"EXPLAIN QUERY PLAN {music._SQL_COVERS_OF}", {"hashes": "[]", "hashes_data": b""})
    assert any("SEARCH covers USING PRIMARY KEY" in row[3] for row in plan)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"artist": "Ann"}, [1, 2]),
        ({"untitled": True}, [2]),
        ({"artist": "Bob", "untitled": True}, []),
        ({"order": "cheapest"}, [1, 3, 2]),
        ({"order": "newest", "artist": None}, [3, 1, 2]),
        ({"order": "newest", "limit": 1}, [3]),
    ],
    ids=str,
)
def test_what_is_not_given_is_left_out(music: Any, conn: Connection, given: Any, expected: list[int]) -> None:
    """A part of a statement stands in it only if its parameter is given; the order is one of those declared."""
    assert [one.id for one in music.search(conn, **{"limit": 9, **given})] == expected


def test_null_is_not_the_same_as_left_out(music: Any, conn: Connection) -> None:
    """Where a parameter may be NULL, None looks for NULL, and leaving it out looks for nothing."""
    assert [one.id for one in music.filtered(conn)] == [1, 2, 3]
    assert [one.id for one in music.filtered(conn, kind=None)] == [2]
    assert [one.id for one in music.filtered(conn, kind="live", ids=[1, 2], low=1)] == [1]
    assert [one.id for one in music.filtered(conn, ids=[])] == []


def test_only_declared_orders_are_taken(music: Any, conn: Connection) -> None:
    """An order that was not declared is refused before any SQL, as is a parameter of another type."""
    for wrong in ("albums.id; DROP TABLE albums", "CHEAPEST", 1):
        with pytest.raises(ValueRefused):
            music.search(conn, limit=1, order=wrong)
    mistaken: list[dict[str, Any]] = [{"artist": 5}, {"untitled": 1}, {"untitled": "yes"}]
    for given in mistaken:
        with pytest.raises(ValueRefused):
            music.search(conn, limit=1, **given)
    assert conn.statements == []


def test_optional_parts_of_writes(music: Any, conn: Connection) -> None:
    """An optional part of an UPDATE narrows it; the comment behind the semicolon is none of the next query's."""
    assert music.reprice(conn, price=1.5, artist_id=1) == 2
    assert music.reprice(conn, price=2.5, artist_id=1, kind="live") == 1
    assert conn.raw.execute("SELECT price FROM albums ORDER BY id").fetchall() == [(2.5,), (1.5,), (6.0,)]
    assert (music.count_of(conn), music.count_of(conn, artist_id=1), music.count_of(conn, artist_id=9)) == (3, 2, 0)


def test_a_batch_is_all_or_nothing(music: Any, models: Any, conn: Connection) -> None:
    """A batch runs its statement once a row; a row that is refused undoes those before it."""
    make = models.MusicAddAlbumsParams
    rows = [make(artist_id=3, price=1.0, title=f"{number}", released=DAYS[0]) for number in range(5)]
    assert music.add_albums(conn, iter(rows)) == 5
    assert music.add_albums(conn, []) == 0
    with pytest.raises(ValueRefused):
        music.add_albums(conn, [*rows, make(artist_id=3, price="1", kind="live")])
    assert music.count_of(conn, artist_id=3) == 5


def test_result_names_that_come_again_get_a_number(music: Any, conn: Connection) -> None:
    """Two columns of one name, and expressions without one, have attributes of their own."""
    first = music.twice(conn)[0]
    assert (first.id, first.id_2, first.count, first.count_2) == (1, 1, 1, 1)


def test_all_columns_of_a_view_are_its_row_class(music: Any, models: Any, conn: Connection) -> None:
    """A query of a whole view gives objects of the view's class, as one of a whole table does of the table's."""
    assert music.cheap(conn, price=6.5) == [models.Priced(1, "One", 5.0), models.Priced(3, "Three", 6.0)]
    assert [one.priced.id for one in music.prices(conn)] == [1, 2, 3]
    assert type(music.prices(conn)[0].priced) is models.Priced


def test_files_of_sqlc(books: Any, shop: Connection) -> None:
    """The kinds and the parameters of sqlc's files mean what they mean there."""
    assert books.create_writer(shop, name="Ann", bio=None) == (1, 1)
    assert books.create_writer(shop, name="Bob", bio="-") == (1, 2)
    assert books.get_writer(shop, id=2).name == "Bob"
    assert [one.name for one in books.list_writers(shop)] == ["Ann", "Bob"]
    made = books.create_book(shop, writer_id=1, title="T", year=1999)
    assert books.create_book_once(shop, writer_id=1, title="U", isbn="1") == made + 1
    assert books.create_book_once(shop, writer_id=1, title="U", isbn="1") is None
    assert books.rename_book(shop, isbn="2", year=2001, id=made) == 1
    found = books.books_between(shop, year=2000, year_2=2002, writer_id=1, limit=5, offset=0)
    assert [one.title for one in found] == ["T", "U"]
    assert books.books_between(shop, year=2000, year_2=2002, writer_id=1, limit=5, offset=1)[0].title == "U"
    assert books.remove_books(shop, [made, 99, made + 1]) == 2
    assert books.delete_book(shop, id=made) is None
