"""Every code the lake can print: what it means, why it happens, what to type next. `lake explain CODE` reads it aloud."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """What `lake explain CODE` tells."""

    title: str
    cause: str
    remedy: str
    outcome: str  # refused, held, quarantined, accepted, failed, waiting or skipped
    exit: int = 1


def _refused(title: str, cause: str, remedy: str) -> Code:
    return Code(title, cause, remedy, "refused", 4)


def _lost(title: str, cause: str) -> Code:
    return Code(
        title,
        cause,
        "Type the same command; if it comes again, ask the department whether its system is up.",
        "failed",
        1,
    )


def _held(title: str, cause: str, remedy: str) -> Code:
    return Code(title, cause, remedy, "held", 3)


def _row(
    title: str, cause: str, remedy: str = "Look at it with `lake quarantine list`, then replay or dismiss it."
) -> Code:
    return Code(title, cause, remedy, "quarantined", 0)


def _note(title: str, cause: str, remedy: str = "Nothing to do.") -> Code:
    return Code(title, cause, remedy, "accepted", 0)


_ASK = "Ask the department for a new file; a corrected delivery goes into `<date>.r<N>` beside the first."
CODES: dict[str, Code] = {
    "E001": Code(
        "Something unforeseen",
        "An exception that no code foresees; the log holds its trace.",
        "lake doctor",
        "failed",
        1,
    ),
    "E002": Code(
        "The command is not understood",
        "An option is missing, unknown, or contradicts another.",
        "lake --help",
        "failed",
        2,
    ),
    "E003": Code(
        "The configuration is wrong",
        "A contract, suite or city file does not keep its schema.",
        "lake lint",
        "failed",
        2,
    ),
    "E004": Code(
        "No such name",
        "No dataset, table, release or code of that name exists in this city.",
        "lake describe",
        "failed",
        2,
    ),
    "E005": Code(
        "The business date is not usable",
        "It is missing, not a real date, or in the future.",
        "lake run --date YYYY-MM-DD",
        "failed",
        2,
    ),
    "E006": Code(
        "The lake has another format",
        "It was written by another format version of this program.",
        "Use the program version that wrote it.",
        "failed",
        6,
    ),
    "E101": Code(
        "Still arriving",
        "A file in the delivery folder has a name that says it is not complete.",
        "Wait; the next run looks again.",
        "waiting",
        7,
    ),
    "E102": _refused(
        "The bytes are not the ones the supplier states", "The file was cut short or changed on its way.", _ASK
    ),
    "E103": _refused("The compressed file is damaged", "It ends early or its check sum is wrong.", _ASK),
    "E104": Code(
        "Not delivered",
        "Nothing has arrived for this business date.",
        "lake run --date D after it arrives",
        "waiting",
        7,
    ),
    "E105": _refused("The file is empty", "It has zero bytes: not even a header.", _ASK),
    "E106": _refused(
        "The manifest cannot be read", "It is not the declared JSON or CSV, or names a file that is not there.", _ASK
    ),
    "E108": _refused(
        "The name does not fit the contract",
        "The file's name does not match the pattern that tells its period, or the manifest says that it is of another dataset or business date.",
        _ASK,
    ),
    "E109": Code(
        "A file changed while it was taken",
        "Its bytes were others when they were copied than when they were counted: it is still being written.",
        "Type the same command when the department has finished; files that arrive under a name that ends in `.part` are waited for.",
        "waiting",
        1,
    ),
    "E110": _refused(
        "Two names cannot be told apart", "They are equal after case folding or Unicode normalisation.", _ASK
    ),
    "E120": _lost("The connection was lost", "The SFTP server did not hand over a whole delivery."),
    "E121": Code(
        "The supplier sent something else",
        "An answer is not of the kind that its interface promises: a login page, an error in HTML, other tables.",
        "Ask the department what changed in its system; the next run asks it again.",
        "refused",
        4,
    ),
    "E122": _lost("The supplier does not answer", "It is down or busy, or its connection was lost."),
    "E123": Code(
        "The pages do not fit together",
        "The supplier's data changed while they were read, or a page came twice or not at all.",
        "The next run reads all pages again; if it comes again, ask the department for a snapshot.",
        "refused",
        4,
    ),
    "E124": _lost(
        "The object could not be read whole",
        "The department's object store failed, or handed over fewer bytes than it states.",
    ),
    "E201": _refused(
        "Too much of the file cannot be decoded",
        "The share of undecodable records is over the contract's threshold.",
        _ASK,
    ),
    "E202": _refused(
        "Another encoding than declared",
        "The file begins with the mark of an encoding the contract does not declare.",
        _ASK,
    ),
    "E203": _refused("A quote is never closed", "Everything after it would become one cell.", _ASK),
    "E207": _refused(
        "Over a size limit", "A cell, a record or the number of columns is larger than any real one.", _ASK
    ),
    "E301": _refused("Two columns have one name", "Names are compared without case and surrounding blanks.", _ASK),
    "E311": _refused("A required column is missing", "The header does not name it.", _ASK),
    "E313": _refused(
        "A required column seems renamed",
        "It is missing, and an undeclared column has a similar name.",
        "If it is the same column, add the new name to headerAliases of the contract, then `lake retry`.",
    ),
    "E314": _held(
        "Most values of a column changed type",
        "More rows than the contract allows do not convert.",
        "lake quarantine list --dataset DATASET, then `lake approve` or a corrected delivery",
    ),
    "E315": _refused(
        "There is no header row", "No declared column name stands in the row where the header should be.", _ASK
    ),
    "E316": _refused(
        "The file is not of its declared format", "It cannot be opened as what the contract says it is.", _ASK
    ),
    "E401": _refused("Other numbers than the manifest states", "The supplier counted otherwise than we did.", _ASK),
    "E402": _held(
        "Fewer rows than the contract allows",
        "minRows of the contract is not reached.",
        "lake approve ID --by NAME --reason TEXT, or a corrected delivery",
    ),
    "E403": _held(
        "An amount has another size than in the nights before",
        "Its mean a row lies outside the contract's `shiftFactor` round the median of the nights before: another unit, or another scale.",
        "Ask the department, then `lake approve ID --by NAME --reason TEXT` or a corrected delivery",
    ),
    "E501": Code(
        "The lake is busy",
        "Another writer holds it.",
        "Wait for it to end, then type the same command; or type it with --wait SECONDS.",
        "failed",
        5,
    ),
    "E502": Code(
        "The Spark server is gone",
        "It ended or was killed while a command was attached to it.",
        "Type the same command: it starts the server again and finishes the night.",
        "failed",
        1,
    ),
    "E503": Code(
        "The Spark server does not start",
        "Its log ends with the reason.",
        "lake doctor, then lake server start",
        "failed",
        1,
    ),
    "E504": Code(
        "The SQL service could read more than gold",
        "SQL reaches every path that its process may open, and this user or key opens the raw side too.",
        "sudo -u lake-sql lake serve (a user of its own; on object storage a key of its own), see README, 'From a server'",
        "failed",
        1,
    ),
    "E505": Code(
        "The SQL service cannot listen",
        "Another process has the port.",
        "lake serve --thrift-port N --connect-port M",
        "failed",
        1,
    ),
    "E601": Code(
        "No space left",
        "The disk that holds the lake, or temporary files, is full.",
        "Free space, then type the same command.",
        "failed",
        6,
    ),
    "E602": Code("A table is damaged", "Its log or a file of it cannot be read.", "lake fsck", "failed", 6),
    "E603": Code(
        "A file of a table is missing",
        "The log names it and it is not there; nothing was read or written.",
        "lake fsck",
        "failed",
        6,
    ),
    "E604": Code(
        "A file is damaged",
        "Its bytes are not those that were written: another length, other check sums, or it cannot be read.",
        "lake fsck --full",
        "failed",
        6,
    ),
    "E605": Code(
        "A kept release would lose a file",
        "The clock says that its files are too old, and a release that is kept stands on them.",
        "Nothing was removed from the table; check --now.",
        "failed",
        1,
    ),
    "E606": Code(
        "Not enough memory",
        "A record, a join or a table needs more than the process may have; nothing of this stage was committed.",
        "Set spark.driver.memory (4g) or spark.sql.shuffle.partitions higher in the file that LAKE_SPARK_CONF names, then type the same command",
        "failed",
        1,
    ),
    "E608": Code(
        "The place cannot be written",
        "Missing permission, a read-only file system, or more open files than the system allows.",
        "lake doctor",
        "failed",
        6,
    ),
    "E609": Code(
        "The object store cannot be used",
        "It does not answer, has no such bucket, or refuses the key: AWS_ENDPOINT_URL and the credentials say where and who.",
        "lake doctor",
        "failed",
        6,
    ),
    "E620": Code(
        "The rows behind a release are gone",
        "Silver keeps the files of its former versions for seven days; the release stands on an older version.",
        "lake rebuild --to DIR --release N: landing and decisions make them again",
        "failed",
        1,
    ),
    "E621": Code(
        "A figure does not follow from its rows",
        "Made again from what the release stands on, it is another: the mart was changed since, or gold or silver was written by hand.",
        "lake digest: it says whether the table is as it was released",
        "failed",
        1,
    ),
    "E622": Code(
        "The evidence does not hold",
        "A file of the folder is missing, was changed or added, or does not say what the manifest says.",
        "lake trace TABLE --key KEY --out DIR: ask the lake for it again",
        "failed",
        1,
    ),
    "E623": Code(
        "The rebuilt release is another",
        "Landing and decisions gave other digests: the code or the rules changed since, or something of them is lost.",
        "lake digest --release N in both lakes: it says which tables differ",
        "failed",
        6,
    ),
    "E610": Code(
        "An audit table is not what was written",
        "An entry was changed, removed, put in or moved, or the end of the table is gone: it does not lead to the roots that were kept.",
        "Keep the lake as it is, and compare the table with a copy from before: README, 'Trusting the audit tables'",
        "failed",
        6,
    ),
    "E701": _held(
        "Too many rows break a rule",
        "Fewer rows pass than the rule's `mostly` asks.",
        "lake quarantine list --dataset DATASET, then `lake approve ID --by NAME --reason TEXT` or a corrected delivery",
    ),
    "E702": _held(
        "Another number of rows than in the nights before",
        "A delivery lies outside the contract's `volumeBand` round the median of the nights before; the gold tables that read it wait.",
        "Ask the department, then `lake approve ID --by NAME --reason TEXT` or a corrected delivery",
    ),
    "E703": Code(
        "A check did not really run",
        "The suite is missing or empty, an expectation raised, or it saw another number of rows.",
        "lake lint",
        "failed",
        1,
    ),
    "E704": Code(
        "The numbers do not add up",
        "One of the four identities does not hold.",
        "Keep the log and report it: this is a fault of the program.",
        "failed",
        1,
    ),
    "E705": _held(
        "A gold table fails its suite",
        "A critical expectation of the table is not met; readers keep the last release.",
        "lake report, then `lake approve ID --by NAME --reason TEXT`, or correct the data and run again",
    ),
    "E706": _held(
        "The rules of a dataset changed",
        "Its contract, steps or rules differ from those that made its silver table.",
        "lake run --refold --dataset DATASET",
    ),
    "E707": Code(
        "The lake differs from what is true",
        "A gold table, a count or a set-aside record is not what the generated city's truth says.",
        "Read the differences; this is a fault of the program, or another inbox was run.",
        "failed",
        1,
    ),
    "E801": Code(
        "Another host key than the pinned one",
        "The server was replaced, or another machine answers in its place; nothing was sent to it.",
        "Ask the department for its key on another way; only then set the new one.",
        "refused",
        4,
    ),
    "E802": Code(
        "No way to the supplier",
        "An address, user, password, key or token of the contract's server is not in the environment, or the supplier refuses it.",
        "export NAME=... or NAME_FILE=..., see the contract's servers",
        "failed",
        2,
    ),
    "E803": Code("No usable Java", "Spark needs Java 17 or 21.", "Set JAVA_HOME, or `make setup`.", "failed", 1),
    "E804": Code("Jars are missing", "They are fetched once, at set-up.", "make setup", "failed", 1),
    "E805": Code(
        "No key for persons",
        "A dataset names persons, whom silver holds only as tokens, and LAKE_PERSON_KEY_FILE names no usable key.",
        'umask 077; echo "k1 $(openssl rand -hex 32)" > FILE; export LAKE_PERSON_KEY_FILE=FILE',
        "failed",
        2,
    ),
    "E806": Code(
        "Persons under two keys",
        "Silver tables name persons under different keys, so that nobody would be found in both; nothing was published.",
        "lake run --refold",
        "failed",
        2,
    ),
    "E810": _refused(
        "The archive would unpack to far more than it is",
        "Text does not become so much smaller; such an archive fills disks. Nothing of it was unpacked.",
        _ASK,
    ),
    "E811": _refused(
        "A name leads out of the delivery",
        "A link, or a path with `..` or from the root: what it names was not sent by the department. Nothing was read through it.",
        _ASK,
    ),
    "E812": _refused(
        "A name that is none",
        "It holds what a shell or a page would act upon, what nobody can see, or more bytes than a file system allows.",
        _ASK,
    ),
    "E814": _refused(
        "A file of a kind that is never opened",
        "Macros, XML entities, pickles and documents run or fetch something when they are opened. The bytes are kept and were not opened.",
        _ASK,
    ),
    "E813": Code(
        "Not an allowed name",
        "A name holds characters that no table, dataset or city may have.",
        "lake describe",
        "failed",
        2,
    ),
    "N106": Code(
        "The same bytes as before", "The folder holds exactly what was landed from it.", "Nothing to do.", "skipped", 0
    ),
    "N107": Code(
        "Nothing to do", "Everything that was delivered is done and released.", "Nothing to do.", "skipped", 0
    ),
    "N108": Code(
        "Not a delivery",
        "It stands in the inbox, but is not <source>/<dataset>/<YYYY-MM-DD> of a known dataset, with .r<N> for a correction.",
        "Rename or move it; `lake describe` lists the datasets.",
        "skipped",
        0,
    ),
    "N109": Code(
        "Its business date is in the future",
        "A delivery is taken from its business date on, in the city's time zone.",
        "Wait, or correct the name of the folder.",
        "waiting",
        0,
    ),
    "N110": Code(
        "Lineage events were not written",
        "The stage is done and stands in the ledger; its OpenLineage events could not be written below audit/lineage, or OPENLINEAGE_PARENT_ID is not namespace/job/run.",
        "Nothing to do for the data; free the place, or correct the variable.",
        "done",
        0,
    ),
    "N111": Code(
        "The log of the run was not written",
        "Its place is full or cannot be written. The data of the night are not touched by it; the ledger says what was done.",
        "Nothing to do for the data; free the place.",
        "done",
        0,
    ),
    "N310": _note(
        "A column that the contract does not declare",
        "The supplier added it; its values are kept in bronze under `_extra`.",
        "Declare it in the contract when someone needs it.",
    ),
    "N317": _note(
        "Cells of another type than declared",
        "The workbook holds a number, date or text where the contract says otherwise; the cell's kind is noted in `_extra`.",
    ),
    "W312": _note(
        "An optional column is missing",
        "Its values are null in this delivery.",
        "Ask the department whether it is gone for good.",
    ),
    "W402": _note("A delivery without rows", "The supplier delivered a header and no row."),
    "W701": _note(
        "A rule is broken by some rows",
        "They are set aside; the delivery is within its threshold.",
        "lake quarantine list --dataset DATASET",
    ),
    "W702": _note("A warning expectation is not met", "It is shown in the report and stops nothing.", "lake report"),
    "Q201": _row("Bytes that cannot be decoded", "The record holds bytes that are not of the declared encoding."),
    "Q202": _row(
        "A garbled text",
        "A program before us read it in the wrong encoding: 锟斤拷, a replacement character, or UTF-8 that was taken for Latin-1.",
    ),
    "Q203": _row("A quote in the wrong place", "A quote stands inside a cell, or text follows a closing quote."),
    "Q204": _row("Too few or too many cells", "The record has another number of cells than the header."),
    "Q205": _row("A character that may not be there", "NUL inside a cell."),
    "Q303": _row("Not a date", "The value is not a real date in the declared format."),
    "Q304": _row("Not a number", "The value is not a plain decimal number of the declared size."),
    "Q314": _row("Not of the declared type", "The value does not convert."),
    "Q316": _row("Not in the code list", "The value is none of the declared ones."),
    "Q317": _row("A required value is missing", "The cell is empty or a declared null token."),
    "Q318": _row("Outside the declared range or pattern", "The value breaks minimum, maximum, length or pattern."),
    "Q407": _row("A row of another business date", "Its date lies outside the contract's `rowDate` window."),
    "Q319": _row("Not a right code", "Its shape, a check character, the date or the division in it is wrong."),
    "Q701": _row("Breaks a rule of the suite", "The rule's reason stands in the suite and in the report."),
    "Q900": _row(
        "A record at which its reader, a cleaning step or a rule failed",
        "A fault of the program that this record brings to light; all others of the delivery went on.",
        "Keep the landed file and report it; mend the record with `lake quarantine replay`, or dismiss it.",
    ),
    "Q801": _row(
        "Two rows with one key and different values", "Neither can be told to be the right one, so both are set aside."
    ),
    "Q802": _row(
        "Belongs to a key with a set-aside change", "All changes of one key in one delivery stand or fall together."
    ),
}
