"""The report's style sheet: black on white, A4, and rows that become cards on a phone."""

STYLE = """
@page { size: A4; margin: 13mm 14mm 15mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
:root { color-scheme: light; --good: #14692f; --bad: #b3131b; --warn: #855100; --line: #c9ced6; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 820px; color: #16191d;
  background: #fff; font: 14px/1.42 system-ui, "Segoe UI", Helvetica, Arial, sans-serif;
  overflow-wrap: break-word; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; }
h1 { font-size: 21px; line-height: 1.2; }
h2 { font-size: 16px; margin: 26px 0 8px; padding-bottom: 3px; border-bottom: 2px solid #16191d; }
h3 { font-size: 14px; margin: 0 0 3px; }
.quiet, caption { color: #545b66; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.top { display: flex; justify-content: space-between; align-items: baseline; gap: 2px 16px; }
.verdict { display: flex; gap: 14px; align-items: center; margin: 12px 0; padding: 11px 16px;
  border: 2px solid; border-left-width: 12px; }
.verdict i { font: bold 34px/1 sans-serif; }
.verdict b { display: block; letter-spacing: .04em; }
.verdict p { color: #16191d; font-size: 18px; line-height: 1.28; font-weight: 600; }
.verdict.good { background: #edf7f0; } .verdict.bad { background: #fdeeee; }
.verdict.warn { background: #fff5e2; }
.alarm { margin: 10px 0; padding: 8px 12px; border: 2px solid var(--warn); background: #fff5e2; }
.alarm.bad { color: inherit; border-color: var(--bad); background: #fdeeee; }
dl { display: grid; gap: 4px; }
dl > div { display: grid; grid-template-columns: 128px minmax(0, 1fr); gap: 12px; }
dt { color: #545b66; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; margin: 8px 0; font-size: 13px; }
.two > div { min-width: 0; }
.one h3 { margin-top: 8px; border-top: 1px solid #16191d; padding-top: 3px; }
.one ul { padding-left: 16px; } .one ol { padding-left: 20px; } .one li { margin-bottom: 1px; }
.two dl { margin-top: 4px; } .two dl > div { grid-template-columns: 88px minmax(0, 1fr); gap: 8px; }
.facts { margin-top: 8px; font-size: 13px; }
.facts dl { grid-template-columns: 1fr 1fr; gap: 2px 20px; }
.facts dl > div { grid-template-columns: 100px minmax(0, 1fr); gap: 8px; }
.top > .quiet { text-align: right; font-size: 12px; }
.verdict > div > span { font-size: 13px; color: #16191d; }
.verdict > div > span.quiet { color: #545b66; }
.copies { list-style: none; } .one ul.copies { padding: 0; }
.keyed { display: grid; grid-template-columns: minmax(0, 1fr) 138px; gap: 20px; font-size: 13px; }
.keyed figure { margin: 8px 0 0; } .qr { display: block; width: 118px; height: 118px; }
.keyed p { margin: 2px 0; }
.keyed figcaption { font-size: 10.5px; line-height: 1.25; color: #545b66; }
.letter { border: 1px solid var(--line); padding: 8px 14px; margin: 6px 0; }
.letter p + p { margin-top: 6px; }
.drafts p, .drafts ol { font-size: 13px; } .drafts ol { margin-bottom: 4px; }
pre + h3 { margin-top: 8px; } .rest .keep > h3 { margin-top: 8px; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; margin: 8px 0 4px;
  font-size: 12.5px; }
caption { overflow-wrap: anywhere; text-align: left; padding-bottom: 4px; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px 5px 0; font-weight: normal;
  border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 600; border-bottom-color: #16191d; }
td .good, td .bad, td .warn { white-space: nowrap; }
td small, th small { display: block; color: #545b66; font-size: 11.5px; }
code { overflow-wrap: anywhere; color: #545b66;
  font: 10.5px/1.3 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code.short { display: block; font-size: 12px; color: inherit; white-space: nowrap; }
code.groups { display: block; font-size: 12.5px; line-height: 1.5; color: inherit; }
code.groups span { display: inline-block; margin-right: 3px; }
pre { margin: 4px 0 8px; padding: 8px 10px; background: #f3f5f7; border: 1px solid var(--line);
  font: 11px/1.45 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; break-inside: avoid; }
.bars thead th:nth-child(1) { width: 30%; } .bars thead th:nth-child(2) { width: 42%; }
.bars svg { display: block; width: 100%; height: 20px; } .bars td, .bars th { border: 0; }
.checks thead th:nth-child(1) { width: 5%; } .checks thead th:nth-child(2) { width: 33%; }
.checks thead th:nth-child(3) { width: 22%; } .checks thead th:nth-child(6) { width: 15%; }
.inputs thead th:nth-child(1) { width: 24%; } .exports thead th:nth-child(1) { width: 30%; }
.closure thead th:nth-child(1) { width: 24%; } .closure thead th:nth-child(2) { width: 20%; }
.map thead th:nth-child(1) { width: 32%; } .map thead th:nth-child(2) { width: 26%; }
section.wide dl > div { grid-template-columns: 150px minmax(0, 1fr); }
@media print {
  body { padding: 0; max-width: none; font-size: 9.6pt; }
  .one { break-after: page; line-height: 1.28; } .two, .facts, .keyed { font-size: 8.4pt; }
  .drafts p, .drafts ol { font-size: 8.8pt; line-height: 1.33; }
  html:not([lang=en]) :is(.two, .facts, .keyed) { font-size: 8pt; } /* they need more words */
  html:not([lang=en]) .verdict p { font-size: 11.5pt; }
  .one h3 { font-size: 9.6pt; margin-top: 5px; } .top > .quiet { font-size: 8pt; }
  .verdict { margin: 7px 0; padding: 6px 12px; } .verdict p { font-size: 12pt; }
  .verdict > div > span { font-size: 8.6pt; } .two { margin: 4px 0; gap: 18px; }
  .alarm { margin: 8px 0; padding: 6px 10px; }
  .rest { font-size: 8.5pt; line-height: 1.34; } .rest table { font-size: 8.2pt; }
  .rest small { font-size: 7.6pt; }
  .rest h2 { font-size: 11.5pt; margin: 12px 0 5px; } .rest h3 { font-size: 8.8pt; }
  .rest code { font-size: 7pt; } .rest code.short { font-size: 8.2pt; } pre { font-size: 7.4pt;
    padding: 5px 8px; }
  th, td { padding-top: 3px; padding-bottom: 3px; } .bars svg { height: 15px; }
  h2, h3 { break-after: avoid; } caption { break-after: avoid; }
  .keep, .alarm { break-inside: avoid; }
}
@media screen and (max-width: 640px) {
  body { padding: 14px 14px 40px; }
  .two, .facts dl, .keyed { grid-template-columns: minmax(0, 1fr); }
  .top { display: block; } .top > .quiet { text-align: left; }
  dl > div, section.wide dl > div { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .verdict { padding: 10px; } .verdict p { font-size: 16px; }
  thead { display: none; }
  table, caption, tbody, tr, th, td { display: block; }
  tbody th, td { width: auto; padding: 2px 0; border: 0; }
  tbody th { font-weight: 600; }
  tr { padding: 8px 0; border-bottom: 1px solid var(--line); }
  td::before { content: attr(data-label) ": "; color: #545b66; }
  .bars td::before { content: none; }
}
"""
