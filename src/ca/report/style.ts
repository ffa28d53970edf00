/** Of the report's page, on a screen and on A4. */
export const style = `
@page { size: A4; margin: 16mm 14mm; }
* { box-sizing: border-box; }
body { font: 14px/1.4 system-ui, "Liberation Sans", sans-serif; color: #1a1a1a; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.1rem; font-weight: normal; margin: 0; color: #555; }
h1 span { display: block; font-size: 1.9rem; font-weight: 700; color: #0b5394; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; padding-bottom: .15rem; border-bottom: 2px solid #0b5394; break-after: avoid; }
small { color: #666; font-size: .72em; }
.tiles { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; }
.tiles li { border: 1px solid #ccc; border-top: 4px solid #0b5394; padding: .5rem .6rem; break-inside: avoid; }
.tiles b { display: block; font-size: 1.4rem; line-height: 1.2; white-space: nowrap; }
.tiles small { white-space: nowrap; }
.tiles small { display: block; margin-top: .3rem; }
.pictures { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem 1.6rem; align-items: start; }
figure { margin: 0; break-inside: avoid; }
figcaption { font-weight: 600; font-size: .85rem; order: -1; }
figure { display: flex; flex-direction: column; gap: .4rem; }
svg { width: 100%; height: auto; font: 11px system-ui, "Liberation Sans", sans-serif; }
svg line { stroke: #ddd; stroke-width: 1; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { padding: .16rem .5rem; text-align: right; border-bottom: 1px solid #e2e2e2; vertical-align: baseline; }
thead th { color: #555; font-weight: 600; border-bottom-color: #999; }
th[scope=row] { text-align: left; font-weight: normal; }
.figures td:nth-child(2) { font-weight: 700; }
.figures td { width: 8.5rem; white-space: nowrap; }
.account td:nth-child(-n+3), .account th:nth-child(-n+3), .words td, .words th { text-align: left; }
.account td:nth-child(n+4), .account td:first-child, .words td:first-child { white-space: nowrap; }
.pivot { font-size: .8em; }
.pivot th, .pivot td { padding: .12rem .2rem; white-space: nowrap; }
.pivot thead tr:last-child th { font-size: .85em; }
.pivot td:nth-child(3n+2), .pivot thead tr:last-child th:nth-child(3n+2) { border-left: 1px solid #bbb; font-weight: 700; }
.pivot thead th[scope=colgroup] { text-align: center; }
footer { margin-top: 2rem; color: #555; font-size: .8rem; border-top: 1px solid #ccc; }
code { word-break: break-all; }
@media screen and (max-width: 40rem) { .pictures { grid-template-columns: 1fr; } .tiles { grid-template-columns: 1fr 1fr; } }
@media print {
  body { font-size: 9.5pt; margin: 0; padding: 0; max-width: none; }
  .figures td { width: 22mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
