"""Every fault that is foreseen: what is injected, what must become of it, and the tests that say so.

Cases of `cases.py` whose id begins with that of an entry belong to it, with all tests of `test_catalogue.py` about them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.cases import CASES

CATALOGUE = "tests/faults/test_catalogue.py"
OWED = (
    *[f"A{n}" for n in range(1, 15)], *[f"C{n}" for n in range(1, 17)], *[f"D{n}" for n in range(1, 9)], *[f"E{n}" for n in range(1, 20)],
    *[f"F{n}" for n in range(1, 9)], *[f"G{n}" for n in range(1, 8)], *[f"H{n}" for n in range(1, 7)],
)  # fmt: skip
KILL, LANDING, LOCK = "tests/laws/test_kill.py", "tests/policies/test_landing.py", "tests/policies/test_lock.py"
SERVER, NIGHTS, MISBEHAVING = (
    "tests/test_server.py",
    "tests/airflow/test_nights.py",
    "tests/extract/test_misbehaving.py",
)
EVERY_COMMIT = f"{KILL}::test_a_run_killed_at_every_commit_and_in_every_write_ends_like_an_undisturbed_one"
EVERY_MERGE = f"{KILL}::test_a_merge_killed_at_any_moment_is_finished_by_the_next_run"
SECOND_WRITER = f"{KILL}::test_a_second_writer_is_refused_until_the_first_is_killed"
EVERY_CALL = (
    "tests/faults/test_disk.py::test_whichever_call_fails_while_landing_no_file_is_half_there_and_typing_again_lands_it"
)
MUTATIONS, DELIMITED = "tests/formats/test_mutations.py", "tests/formats/test_delimited.py"


@dataclass(frozen=True)
class Entry:
    """One fault. `tests` are those beside the catalogue's own."""

    id: str
    injected: str
    outcome: str
    tests: tuple[str, ...] = ()

    @property
    def cases(self) -> tuple[str, ...]:
        return tuple(c.id for c in CASES if c.id.split("_")[0] == self.id)


def _e(id: str, injected: str, outcome: str, *tests: str) -> Entry:
    return Entry(id, injected, outcome, tests)


ENTRIES = (
    _e("A1", "a file that is still growing at pick-up", "waits, E101: nothing of it is landed; under its final name and cut, E102 by its structure or manifest",
       f"{CATALOGUE}::test_nothing_of_a_file_that_still_grows_is_landed", f"{LANDING}::test_a_folder_with_a_part_of_a_file_is_still_arriving",
       "tests/dags/test_dags.py::test_a_waiting_extract_holds_no_worker"),
    _e("A2", "every beginning of a file of 4 KB, as text, gzip, zip, workbook and JSON", "refused E102 by the manifest; by the structure E102, E203, E311, E315, E103, E316; never a trace",
       f"{MUTATIONS}::test_every_beginning_of_a_text_is_refused_unless_its_last_line_has_all_cells", f"{MUTATIONS}::test_every_beginning_of_a_delivery_is_refused_by_the_hash_of_its_manifest",
       f"{MUTATIONS}::test_every_beginning_of_what_has_an_end_of_its_own_is_refused"),
    _e("A3", "gzip and zip files that are cut; two files in one", "refused E103, E316", f"{DELIMITED}::test_a_cut_gzip_is_refused",
       f"{MUTATIONS}::test_a_zip_file_whose_places_are_off_is_refused_as_damaged"),
    _e("A4", "nothing has come by the cut-off", "the status \"not delivered\": the night goes on, its release names what is missing, the delivery is taken when it comes",
       f"{LANDING}::test_an_absence_is_written_once_and_never_after_a_delivery", "tests/test_waiting.py::test_a_release_names_the_nights_that_were_due_and_did_not_come_until_they_do",
       "tests/report/test_report.py::test_the_first_page_gives_every_cell_its_word"),
    _e("A5", "counts, sums and hash totals other than the manifest states; a sum of no column", "refused E401 with both numbers"),
    _e("A6", "no rows as stated; no rows where some are asked for; zero bytes", "accepted W402; held E402; refused E105"),
    _e("A7", "the same bytes again", "skipped N106, no table has a new version", f"{CATALOGUE}::test_a_night_delivered_again_is_skipped_and_says_so"),
    _e("A8", "a correction of the same night", "revision 2 replaces, revision 1 stays in bronze", f"{CATALOGUE}::test_the_first_revision_of_a_corrected_night_stays_in_bronze"),
    _e("A9", "a night after later ones", "the rows of the right order", f"{CATALOGUE}::test_a_late_night_ends_in_the_rows_of_the_right_order"),
    _e("A10", "a night whose night before is missing", "in silver and in gold: no mode asks for the night before, and it joins when it comes (A9)"),
    _e("A11", "rows of another business date inside; most rows", "set aside Q407; held E701"),
    _e("A12", "a manifest or file name of another dataset, date or period", "refused E108", f"{LANDING}::test_a_file_whose_name_does_not_tell_its_period_is_refused"),
    _e("A13", "a file that changes while it is taken", "E109, nothing is kept; typed again it is landed", f"{LANDING}::test_a_file_that_changes_while_it_is_taken_is_not_kept_under_the_wrong_hash"),
    _e("A14", "names that are equal after case folding or normalisation; a name with `_`", "refused E110 with both; read"),
    _e("B1", "lines that break in a file", "tried again, then E120; nothing of it is visible", f"{MISBEHAVING}::test_b1_a_line_that_breaks_in_a_file_is_tried_again",
       f"{MISBEHAVING}::test_b1_a_line_that_always_breaks_is_named_and_leaves_nothing"),
    _e("B2", "another host key", "refused E801 at once", f"{MISBEHAVING}::test_b2_another_host_key_is_refused_at_once_and_no_password_is_sent"),
    _e("B3", "a login page, an error in HTML", "refused E121", f"{MISBEHAVING}::test_b3_an_answer_of_another_kind_is_refused_by_type_and_content"),
    _e("B4", "busy, slow, endless and broken answers", "tried again when the service asks for it, then E122", f"{MISBEHAVING}::test_b4_a_busy_service_is_given_the_time_it_asks_for",
       f"{MISBEHAVING}::test_b4_an_answer_that_breaks_or_never_ends_is_asked_for_again", f"{MISBEHAVING}::test_b4_a_service_that_stays_down_is_named"),
    _e("B5", "pages that do not fit together", "refused E123", f"{MISBEHAVING}::test_b5_pages_that_do_not_fit_together_are_refused"),
    _e("B6", "records that change or a connection that is lost in the middle", "one snapshot; tried again", f"{MISBEHAVING}::test_b6_records_that_change_while_they_are_read_are_read_as_they_were",
       f"{MISBEHAVING}::test_b6_a_connection_lost_in_the_middle_is_made_again"),
    _e("B7", "an object store that fails now and then, or always", "tried again, then E124", f"{MISBEHAVING}::test_b7_a_store_that_fails_now_and_then_is_asked_again",
       f"{MISBEHAVING}::test_b7_a_store_that_always_fails_is_named"),
    _e("B8", "commits in an object store whose reply is lost", "made once", "tests/places/test_object_storage.py::test_b8_commits_whose_reply_is_lost_are_made_once"),
    _e("C1", "GB18030 under the name of GBK", "exact", f"{CATALOGUE}::test_rare_characters_arrive_as_themselves", f"{DELIMITED}::test_declared_encodings_give_exact_characters"),
    _e("C2", "bytes that are not of the encoding; many of them", "set aside Q201; refused E201", f"{DELIMITED}::test_too_many_undecodable_records_refuse_the_file",
       f"{DELIMITED}::test_undecodable_bytes_are_refused_with_their_place_and_no_replacement"),
    _e("C3", "a byte order mark; UTF-16 undeclared", "exact; refused E202"),
    _e("C4", "锟斤拷, U+FFFD, UTF-8 read as Latin-1 or Windows-1252, between good texts that look alike; a file of them", "set aside Q202, the good texts stand; held E701",
       "tests/formats/test_garbled.py::test_no_good_text_is_taken_for_a_garbled_one", "tests/formats/test_garbled.py::test_what_a_program_garbled_is_noted_in_every_format"),
    _e("C5", "mixed line ends; line breaks, commas and quotes inside quotes", "exact", f"{CATALOGUE}::test_line_breaks_commas_and_quotes_inside_cells_arrive_as_themselves"),
    _e("C6", "an unclosed quote", "refused E203 with the line that opens it"),
    _e("C7", "records with too few and too many cells", "set aside Q204 with their raw bytes", f"{CATALOGUE}::test_a_record_that_fits_no_header_is_kept_with_its_raw_bytes"),
    _e("C8", "NUL in a cell", "set aside Q205"),
    _e("C9", "full-width digits", "set aside, the same from whole numbers and decimals (S7)", "tests/faults/test_casts.py::test_a_text_becomes_what_it_says_or_is_marked"),
    _e("C10", "`1,234.50`, `￥5`, `5万元`, `1.2E3`, `(5)`", "set aside Q304, nothing is guessed"),
    _e("C11", "what a spreadsheet makes of long numbers and of days", "set aside Q303, Q304, nothing is guessed"),
    _e("C12", "days that are none, and days that stand for no day", "set aside Q303; null where the contract says so", f"{CATALOGUE}::test_a_day_that_stands_for_no_day_is_null_by_the_contract_only"),
    _e("C13", "NaN, infinite, too large, too fine", "set aside Q304"),
    _e("C14", "five ways to say nothing", "raw in bronze; only declared tokens are null", f"{CATALOGUE}::test_only_the_contract_says_which_texts_mean_nothing"),
    _e("C15", "a cell of a megabyte; five thousand columns", "refused E207", f"{DELIMITED}::test_sizes_over_a_limit_refuse_the_file"),
    _e("C16", "one header twice, also in another case", "refused E301"),
    _e("D1", "a column more", "accepted N310, kept in bronze; silver as declared", f"{CATALOGUE}::test_a_column_more_is_kept_in_bronze_and_silver_is_as_declared"),
    _e("D2", "a required column or the header is gone", "refused E311, E315"),
    _e("D3", "an optional column is gone", "accepted W312, null", f"{CATALOGUE}::test_a_missing_optional_column_is_null"),
    _e("D4", "a renamed column", "refused E313 with the near name"),
    _e("D5", "columns in another order", "accepted, nothing changes"),
    _e("D6", "text in a few, in most cells of a number", "set aside Q304; held E314"),
    _e("D7", "amounts in another unit", "in silver; gold held E403 until signed or corrected", "tests/test_bands.py::test_amounts_a_hundred_times_as_large_wait_as_well",
       "tests/test_bands.py::test_an_amount_in_another_unit_is_seen_by_its_mean"),
    _e("D8", "a value that is not in its list; a division that is no longer in force", "set aside Q316; a division is right while it was in force, then read as its successor with the warning W702, or set aside Q319 where the list names none. In the number of a person or firm it stays right",
       "tests/test_codes.py::test_a_division_is_right_only_while_it_is_in_force", "tests/test_codes.py::test_a_withdrawn_division_is_read_as_its_successor_with_a_warning_and_one_without_is_set_aside", "tests/test_codes.py::test_a_withdrawn_division_stays_right_where_it_was_written_long_ago"),
    _e("E1", "killed in the middle of a download", "what was fetched is a hidden folder that no run takes; the next one fetches it again", "tests/faults/test_killed_upkeep.py::test_what_a_killed_fetch_left_is_taken_by_no_run",
       EVERY_CALL),
    _e("E2", "killed after the copy into landing", "an object without a receipt is no delivery; the next run lands it", EVERY_CALL, f"{CATALOGUE}::test_bytes_without_a_receipt_are_no_delivery"),
    *[_e(f"E{n}", f"killed {when}", "the next run ends in the same tables, ledger, release and digests; after each death every table says what it says at a commit of an undisturbed run", *tests)
      for n, when, tests in (
          (3, "between bronze's files and their commit", (EVERY_COMMIT, f"{KILL}::test_a_run_killed_in_bronze_and_in_silver_is_finished_by_the_next")),
          (4, "between bronze's commit and the ledger", (EVERY_COMMIT,)),
          (5, "before a MERGE and in the middle of it", (EVERY_MERGE,)),
          (6, "between a MERGE's files and its commit", (EVERY_MERGE,)),
          (7, "after silver's commit", (EVERY_COMMIT, EVERY_MERGE)),
          (8, "while set-aside records are written", (EVERY_COMMIT,)),
          (9, "between judging and the first commit of silver", (EVERY_COMMIT,)),
          (10, "after gold was built, before the ledger says so", (EVERY_COMMIT, f"{KILL}::test_tables_built_by_days_are_finished_after_a_kill_at_any_moment_of_gold")),
          (11, "before the release", (EVERY_COMMIT,)),
          (12, "before and after the commit of the release", (EVERY_COMMIT,)),
      )],
    _e("E13", "killed in a checkpoint, while files are joined or removed", "the next one finishes it; every release reads as before", f"{KILL}::test_a_checkpoint_killed_at_any_moment_is_taken_once",
       "tests/faults/test_killed_upkeep.py::test_upkeep_that_was_killed_in_the_middle_is_finished_by_the_next"),
    _e("E14", "the same night twice at once", "the second is refused E501 and told who holds the lake and since when", SECOND_WRITER, f"{LOCK}::test_a_second_writer_is_refused_and_told_who_and_since_when"),
    _e("E15", "several nights at once", "one writer a lake: the others are refused E501, and in whatever order they come the rows are the same", SECOND_WRITER,
       "tests/laws/test_fold_on_spark.py::test_after_each_arrival_the_tables_have_the_judges_rows"),
    _e("E16", "Python is killed, its JVM lives on for a moment", "the next writer waits until the JVM is gone", f"{LOCK}::test_the_driver_of_a_killed_writer_is_waited_for",
       f"{SERVER}::test_what_a_killed_command_left_running_is_cancelled_before_the_next_one_begins"),
    _e("E17", "the holder of the lock is killed: Python, its JVM, both", "the next run starts at once, nothing is unlocked by hand", f"{LOCK}::test_a_killed_writer_is_in_nobodys_way", SECOND_WRITER,
       f"{SERVER}::test_a_server_that_is_killed_fails_the_command_which_then_starts_it_again"),
    _e("E18", "a scheduler that restarts; an old run that is cleared; new code", "the night is finished; nothing is written twice; other rules are held E706 until a refold is asked for",
       f"{NIGHTS}::test_a_scheduler_killed_in_the_night_finishes_it_after_a_restart", f"{NIGHTS}::test_a_cleared_night_runs_again_and_writes_no_table", "tests/laws/test_refold.py::test_changed_rules_hold_the_dataset_and_change_nothing"),
    _e("E19", "no business date, or one that is none", "refused E005, exit code 2, no lake is made", "tests/faults/test_business_date.py::test_an_unusable_business_date_is_refused_before_any_lake_exists",
       "tests/faults/test_business_date.py::test_an_empty_business_date_is_no_date", "tests/dags/test_dags.py::test_what_is_no_business_date_reaches_no_command"),
    _e("F1", "a disk that is full in the middle of a file or of a ledger line", "E601, nothing is half there; typed again as undisturbed", "tests/faults/test_disk.py::test_a_disk_that_is_full_in_the_middle_of_a_file_leaves_none_of_it",
       "tests/faults/test_disk.py::test_a_line_that_does_not_fit_on_the_disk_leaves_the_ledger_as_it_was", "tests/policies/test_failures.py::test_a_disk_that_is_full_while_a_delivery_is_read_fails_that_delivery_with_its_code"),
    _e("F2", "entries of a log that are empty, torn, cut, lost or flipped", "E602 with table and version, exit code 6, nothing is read or written; `lake restore` gives equal digests", "tests/test_fsck.py::test_each_damage_of_each_file_is_found_and_named",
       "tests/test_fsck.py::test_an_entry_cut_at_the_end_of_a_line_is_no_commit", "tests/test_restore.py::test_damaged_gold_stops_every_command_until_a_release_is_restored"),
    _e("F3", "live files that are lost or short, or of which a bit is flipped", "E603, E604 with the file", "tests/test_fsck.py::test_no_flipped_bit_of_a_data_file_or_an_entry_goes_unseen",
       "tests/test_restore.py::test_a_query_is_refused_rather_than_answered_with_fewer_rows"),
    _e("F4", "a driver without memory; a server without memory", "E606, nothing is published, the next run finishes; the server ends, E502, and the next command has a new one", f"{CATALOGUE}::test_what_failed_for_want_of_memory_or_files_is_finished_by_the_next_run",
       f"{SERVER}::test_a_server_out_of_memory_ends_and_the_next_command_has_a_new_one"),
    _e("F5", "each call of the system fails once", "a clean message, or success; never half a file", EVERY_CALL),
    _e("F6", "VACUUM with a short retention; upkeep beside a writer or a reader", "refused by Delta; E501; a release that is read stays whole (E605)", f"{CATALOGUE}::test_vacuum_with_a_short_retention_is_refused_also_after_upkeep",
       "tests/test_maintain.py::test_a_table_of_which_a_kept_release_would_lose_a_file_is_left_alone", SECOND_WRITER),
    _e("F7", "a version past the retention is read", "E620 with the command that makes it again; evidence that was handed out still holds", f"{CATALOGUE}::test_a_version_past_its_retention_is_refused_with_advice",
       "tests/test_trace.py::test_rows_of_a_former_version_that_are_gone_are_named_with_the_way_to_have_them_again", "tests/test_trace.py::test_evidence_holds_without_a_lake"),
    _e("F8", "a read-only file system; no file can be opened any more; temporary files or the log have no space", "E608; E601; the log and lineage are notices N111, N110 and the data are whole", f"{CATALOGUE}::test_what_failed_for_want_of_memory_or_files_is_finished_by_the_next_run",
       "tests/policies/test_failures.py::test_what_the_system_says_has_a_code", "tests/policies/test_failures.py::test_a_lake_that_cannot_be_made_is_said_so", "tests/faults/test_disk.py::test_a_log_that_cannot_be_written_stops_nothing",
       "tests/faults/test_disk.py::test_temporary_files_without_space_fail_the_delivery_with_its_code", "tests/test_lineage.py::test_events_that_cannot_be_written_are_a_notice_and_the_night_goes_on"),
    _e("G1", "a record at which its reader, a step or a rule fails", "set aside Q900, the rest continues; where it is more than a few records, E001 stops the dataset alone", "tests/test_failing.py::test_records_at_which_a_step_fails_are_set_aside_alone_with_what_was_delivered",
       "tests/test_failing.py::test_a_step_that_fails_at_many_records_is_a_fault_of_the_step", "tests/formats/test_poison.py::test_a_record_at_which_the_reader_fails_takes_no_other_with_it"),
    _e("G2", "most rows break a rule; half the rows of the nights before", "held E701 until signed; gold held E702", f"{CATALOGUE}::test_a_held_night_is_accepted_when_a_person_signs_for_it",
       "tests/test_bands.py::test_gold_keeps_its_figures_until_a_person_signs_the_unusual_delivery"),
    _e("G3", "exact and conflicting copies of a key", "one is kept and the others counted; both set aside Q801"),
    _e("G4", "a row whose parent is missing", "good; each release lists it as pending until the parent comes", "tests/test_pending.py::test_a_step_waits_for_its_case_until_that_comes",
       "tests/test_pending.py::test_of_many_keys_the_first_are_named"),
    _e("G5", "wrong check characters, somebody not born yet, a value below zero", "set aside Q319, Q318; nothing is repaired", "tests/test_codes.py::test_a_row_with_a_wrong_code_is_set_aside_by_its_rule_and_nothing_is_repaired",
       "tests/test_codes.py::test_nobody_is_born_after_the_night"),
    _e("G6", "no suite; an empty stage; an exception inside Great Expectations; an empty frame", "E703", "tests/policies/test_suites.py::test_an_empty_frame_does_not_pass_for_the_rows_that_should_be_there"),
    _e("G7", "a record that is mended twice, and run twice", "one row, at its place in the delivered file; the decision says who and why", f"{CATALOGUE}::test_a_record_that_is_mended_twice_is_there_once_with_its_line_and_its_fixer",
       "tests/test_decisions.py::test_a_decision_that_was_overruled_counts_when_it_is_taken_again"),
    _e("H1", "zip files and workbooks that would fill the disk; nested; of a thousand files", "refused E810, E315, E316; nothing is unpacked"),
    _e("H2", "names that lead upwards, to the root or a drive; links; tar; names with line breaks, `;`, `$()`, 300 bytes", "refused E811, E812, E316; nothing outside the delivery is landed", f"{CATALOGUE}::test_nothing_outside_the_delivery_is_landed_and_nothing_of_a_name_is_run",
       "tests/faults/test_hostile_words.py::test_a_supplier_cannot_choose_a_name_that_does_harm"),
    _e("H3", "cells that a spreadsheet would run", "stored raw; an apostrophe in every CSV, numbers stay numbers", f"{CATALOGUE}::test_a_cell_that_a_spreadsheet_would_run_is_stored_raw_and_leaves_with_an_apostrophe",
       "tests/policies/test_query.py::test_a_text_that_begins_like_a_formula_gets_an_apostrophe", "tests/policies/test_query.py::test_csv_quotes_what_it_must_and_keeps_negative_amounts"),
    _e("H4", "SQL in names, options and configuration", "refused E813, E004, E005, E002", "tests/faults/test_hostile_words.py::test_sql_in_a_name_is_refused_before_anything_is_read", "tests/policies/test_lint.py::test_a_contract_with_a_name_that_is_no_name_is_refused",
       "tests/test_sql.py::test_anything_but_a_question_is_refused_before_it_runs", "tests/dags/test_dags.py::test_what_is_no_business_date_reaches_no_command"),
    _e("H5", "templates and commands of a shell in data and in a run's conf", "they stay as written; no task reads conf", f"{CATALOGUE}::test_a_cell_that_a_template_or_a_shell_would_act_upon_stays_as_written",
       "tests/dags/test_dags.py::test_what_is_no_business_date_reaches_no_command", "tests/report/test_report.py::test_names_from_outside_are_text_and_never_markup"),
    _e("H6", "pickles, XML with entities, macros, old Office documents, Parquet under the name of a table", "refused E814, and never opened", "tests/faults/test_hostile_words.py::test_nothing_of_the_product_can_unpickle"),
    _e("H9", "2,000 changes, removals, moves, additions and cuts in audit tables; a past written anew", "E610 with the first bad entry; told by the checkpoint that was handed out", "tests/test_audit.py::test_every_one_of_two_thousand_acts_is_found_and_its_first_entry_named",
       "tests/test_audit.py::test_a_cut_end_is_told_by_the_checkpoint_that_somebody_else_has"),
    _e("S4", "a file that is cut in its last row", "refused E102", "tests/formats/test_silent_corruptions.py::test_a_file_cut_in_its_last_row_has_no_good_last_row"),
    _e("S5", "names that begin with `_` and `.`", "read; still arriving E101"),
    _e("S7", "full-width digits", "set aside Q304"),
)  # fmt: skip
