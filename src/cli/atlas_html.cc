// The atlas as one HTML file: the same picture, with a script that says what lies under the
// pointer. SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>

#include "cli/atlas_scene.h"
#include "cli/text_format.h"

namespace v2p::cli {
namespace {

constexpr std::string_view kStyle = R"css(
body { margin: 0 auto; max-width: 1440px; padding: 20px 24px 40px; color: #15181d; background: #fff;
  font: 13px/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 21px; font-weight: 600; margin: 0 0 4px; }
h2 { font-size: 14px; font-weight: 600; margin: 28px 0 8px; }
p, dd, .note, caption, th { color: #5a616c; }
p { margin: 0 0 2px; }
main { display: flex; flex-wrap: wrap; gap: 20px 28px; margin-top: 18px; align-items: flex-start; }
main svg { display: block; width: 100%; height: auto; overflow: visible; }
figure { margin: 0; flex: 999 1 560px; min-width: 0; }
aside { flex: 1 1 372px; display: flex; flex-wrap: wrap; gap: 12px 28px; }
aside > * { flex: 1 1 372px; max-width: 400px; }
.key { display: flex; gap: 14px; align-items: flex-start; color: #5a616c; }
.key svg { flex: none; width: 72px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 400; text-align: right; }
td { padding: 2px 0 2px 10px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 4px; white-space: normal;
  overflow-wrap: anywhere; }
tbody tr:hover, tbody tr:focus { background: #f1efe9; outline: none; }
tr.sum td { border-top: 1px solid #cfccc4; font-weight: 600; padding-bottom: 10px; }
i { display: inline-block; width: 13px; height: 13px; margin-right: 8px; border-radius: 2px;
  vertical-align: -2px; box-shadow: inset 0 0 0 1px #15181d40; }
#owners { max-width: 760px; }
dl { display: grid; grid-template-columns: 96px 1fr; gap: 3px 12px; margin: 0; }
dd { margin: 0; }
#tip { position: fixed; pointer-events: none; background: #fff; border: 1px solid #71829b;
  border-radius: 4px; padding: 6px 10px; box-shadow: 0 2px 10px #0003; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
#tip[hidden] { display: none; }
)css";

// Names never pass through here: they are read from the rows of the tables as text.
constexpr std::string_view kScript = R"js(
'use strict';
const at = id => document.getElementById(id);
const {order, shift, frames, stretches, width, height, cells} = JSON.parse(at('cells').textContent);
const picture = at('picture'), tip = at('tip'), mark = at('mark');

// The curve, as HilbertPoint of the program has it.
function place(index) {
  let x = 0, y = 0;
  for (let level = 0, side = 1; level < order; ++level, side *= 2, index >>= 2) {
    const part = index & 3;
    if (part === 0) [x, y] = [y, x];
    else if (part === 1) x += side;
    else if (part === 2) { x += side; y += side; }
    else [x, y] = [side - 1 - y, 2 * side - 1 - x];
  }
  return y * width + x;
}

// "3*120" is 120 cells that are of class 3 alone; "3:5,7:2" one cell with its most frequent classes.
const kinds = [], kindAt = new Int32Array(width * height).fill(-1), cellAt = kindAt.slice();
let count = 0;
for (const word of cells.split(' ')) {
  const [only, times] = word.split('*');
  kinds.push(times ? [[+only, 0]] : word.split(',').map(part => part.split(':').map(Number)));
  for (let left = times ? +times : 1; left > 0; --left) {
    const spot = place(count);
    kindAt[spot] = kinds.length - 1;
    cellAt[spot] = count++;
  }
}

const hex = value => '0x' + value.toString(16);
const grouped = value => value.toLocaleString('en-US');
const row = cls => document.querySelector(`tr[data-cls="${cls}"]`);
const cellFrames = 2 ** shift;

function line(text, cls) {
  const div = document.createElement('div');
  if (cls !== undefined) div.append(row(cls).querySelector('i').cloneNode());
  div.append(text);
  return div;
}

function describe(spot) {
  const cell = cellAt[spot], [begin, frame] = stretches.findLast(each => each[0] <= cell);
  const first = frame + (cell - begin) * cellFrames, end = Math.min(first + cellFrames, frames);
  const lines = [line(hex(BigInt(first) * 4096n) + ' to ' + hex(BigInt(end) * 4096n - 1n))];
  let rest = end - first;
  for (const [cls, some] of kinds[kindAt[spot]]) {
    const of = some || end - first;
    lines.push(line(row(cls).dataset.name + (cellFrames > 1 ? ': ' + grouped(of) : ''), cls));
    rest -= of;
  }
  if (rest > 0) lines.push(line('others: ' + grouped(rest)));
  return lines;
}

picture.addEventListener('pointermove', event => {
  const box = picture.getBoundingClientRect();
  const x = Math.floor((event.clientX - box.left) / box.width * width);
  const y = Math.floor((event.clientY - box.top) / box.height * height);
  const spot = y * width + x;
  tip.hidden = !(x >= 0 && x < width && y >= 0 && y < height && cellAt[spot] >= 0);
  if (tip.hidden) return;
  tip.replaceChildren(...describe(spot));
  const left = event.clientX + 16, top = event.clientY + 16;
  tip.style.left = Math.min(left, innerWidth - tip.offsetWidth - 8) + 'px';
  tip.style.top = (top + tip.offsetHeight > innerHeight ? top - tip.offsetHeight - 32 : top) + 'px';
});
picture.addEventListener('pointerleave', () => { tip.hidden = true; });

// A veil over all cells that hold nothing of a class.
function show(cls) {
  const has = kinds.map(parts => parts.some(part => part[0] === cls));
  let path = '';
  for (let y = 0; y < height; ++y) {
    for (let x = 0; x < width;) {
      const begin = x, veiled = kind => kind >= 0 && !has[kind];
      while (x < width && veiled(kindAt[y * width + x])) ++x;
      if (x > begin) path += `M${begin} ${y}h${x - begin}v1h${begin - x}z`;
      else ++x;
    }
  }
  mark.setAttribute('d', path);
}
for (const each of document.querySelectorAll('tr[data-cls]')) {
  const cls = +each.dataset.cls;
  for (const type of ['mouseenter', 'focus']) each.addEventListener(type, () => show(cls));
  for (const type of ['mouseleave', 'blur']) {
    each.addEventListener(type, () => mark.removeAttribute('d'));
  }
  each.tabIndex = 0;
}
for (const square of picture.querySelectorAll('.squares')) square.remove();
)js";

// Of kScript, as browsers count it: nothing else may run. A test says what it has to be.
constexpr std::string_view kScriptHash = "sha256-HrSX0jYV48SlibLjnzwvFSsY1+aEgrYYeG7D4dmEF8I=";

std::string Head(const AtlasScene& scene) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src '{}'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n"
      "<title>Physical memory of {}</title>\n<style>{}</style>\n</head>\n",
      kScriptHash, Markup(scene.image), kStyle);
}

// Rows of one class carry its number: the script takes names and colours from them.
std::string NameCell(const AtlasScene& scene, const AtlasRow& row) {
  const std::string name = Markup(row.name), note = Markup(row.note);
  const std::string_view comma = note.empty() ? "" : ", ";
  const std::string attributes =
      row.cls < scene.census.counts.size()
          ? fmt::format(" data-cls=\"{}\" data-name=\"{}{}{}\"", row.cls, name, comma, note)
          : "";
  return fmt::format(
      "<tr{}><td><i style=\"background:{}\"></i>{} <span class=\"note\">{}</span></td>", attributes,
      AtlasColour(row.colour), name, note);
}

std::string SumRow(std::string_view name, const char* id, std::uint64_t frames) {
  return fmt::format(
      "<tr class=\"sum\" id=\"{}\"><td>{}</td><td>{}</td>"
      "<td>{}</td><td></td></tr>\n",
      id, name, Grouped(frames), LongSize(frames * kPageBytes));
}

std::string LegendTable(const AtlasScene& scene) {
  std::string out =
      "<table id=\"legend\"><thead><tr><th></th><th>frames</th><th>size</th><th>of image</th></tr>"
      "</thead><tbody>\n";
  for (const AtlasRow& row : scene.legend) {
    if (row.cls == kAbsentFrame) out += SumRow("in the image", "held", scene.census.InImage());
    out += fmt::format("{}<td class=\"frames\">{}</td><td>{}</td><td>{}</td></tr>\n",
                       NameCell(scene, row), Grouped(row.frames), LongSize(row.frames * kPageBytes),
                       Markup(AtlasShare(scene, row)));
  }
  return out + SumRow("all addresses", "span", scene.census.cells.frames) + "</tbody></table>\n";
}

// The cells in words, along the curve: see the script.
std::string CellWords(const FrameCensus& census) {
  std::string out;
  const auto add = [&](std::string_view word) {
    if (!out.empty()) out += ' ';
    out += word;
  };
  FrameClass alone = kAbsentFrame;
  std::uint64_t times = 0;
  const auto finish = [&] {
    if (times != 0) add(fmt::format("{}*{}", alone, times));
    times = 0;
  };
  for (std::size_t cell = 0; cell < census.cells.Count(); ++cell) {
    const auto parts = census.PartsOf(cell);
    if (parts.empty() || parts.front().frames == census.cells.FramesOf(cell)) {
      const FrameClass cls = parts.empty() ? kAbsentFrame : parts.front().cls;
      if (cls != alone) finish();
      alone = cls;
      ++times;
      continue;
    }
    finish();
    std::string word;
    for (const FrameCount& part : parts) {
      fmt::format_to(std::back_inserter(word), "{}{}:{}", word.empty() ? "" : ",", part.cls,
                     part.frames);
    }
    add(word);
  }
  finish();
  return out;
}

// What the script has to know.
std::string Data(const AtlasScene& scene) {
  const FrameCells& cells = scene.census.cells;
  std::string stretches;
  for (const FrameCells::Stretch& stretch : cells.stretches) {
    stretches +=
        fmt::format("{}[{},{}]", stretches.empty() ? "" : ",", stretch.cell, stretch.first);
  }
  return fmt::format(
      "{{\"order\":{},\"shift\":{},\"frames\":{},\"stretches\":[{}],\"width\":{},\"height\":{},"
      "\"cells\":\"{}\"}}",
      scene.order, cells.shift, cells.frames, stretches, scene.width, scene.height,
      CellWords(scene.census));
}

std::string OwnerTable(const AtlasScene& scene) {
  if (scene.owners.empty()) return {};
  std::string out =
      "<h2>Processes</h2>\n<table id=\"owners\"><thead><tr><th></th><th>own "
      "frames</th><th>size</th>"
      "<th>shared ones that it maps</th></tr></thead><tbody>\n";
  for (const AtlasRow& row : scene.owners) {
    out += fmt::format("{}<td class=\"frames\">{}</td><td>{}</td><td>{}</td></tr>\n",
                       NameCell(scene, row), Grouped(row.frames), LongSize(row.frames * kPageBytes),
                       Grouped(row.shared));
  }
  return out + "</tbody></table>\n";
}

}  // namespace

std::string AtlasHtml(const AtlasScene& scene) {
  std::string out =
      Head(scene) + fmt::format("<body>\n<h1>Physical memory of {}</h1>\n", Markup(scene.image));
  for (const std::string& line : AtlasSummary(scene))
    out += fmt::format("<p>{}</p>\n", Markup(line));
  out += fmt::format(
      "<main>\n<figure><svg id=\"picture\" role=\"img\" viewBox=\"0 0 {} {}\" "
      "aria-label=\"Map of physical memory along a Hilbert curve; the tables say the same in "
      "numbers\">\n{}<path id=\"mark\" fill=\"#fff\" fill-opacity=\"0.82\" "
      "shape-rendering=\"crispEdges\" pointer-events=\"none\" transform=\"scale({:.6g})\"/>"
      "</svg></figure>\n<aside>\n{}",
      kPictureWidth, PictureHeight(scene), PictureMarkup(scene),
      double{kPictureWidth} / scene.width, LegendTable(scene));
  out += fmt::format(
      "<div class=\"key\"><svg viewBox=\"0 0 88 88\">{}</svg><div>Addresses run along this curve, "
      "a Hilbert curve: what is near in memory is near in the picture. Each label is the first "
      "address of its square. Point at the picture to see what lies there, at a row to see where "
      "it lies.</div></div>\n</aside>\n</main>\n",
      CurveMarkup(scene, 88));
  out += OwnerTable(scene);
  out += "<h2>What a frame counts as: the first of these that fits</h2>\n<dl>\n";
  for (const AtlasTerm& term : AtlasTerms()) {
    out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", Markup(term.term), Markup(term.meaning));
  }
  out += "</dl>\n";
  if (const auto holes = AtlasHoles(scene); holes.size() > 1) {
    out += fmt::format("<h2>Holes, all absent, that are left out of the picture</h2>\n<p>{}</p>\n",
                       fmt::join(holes, "<br>\n"));
  }
  out += fmt::format(
      "<div id=\"tip\" hidden></div>\n<script type=\"application/json\" id=\"cells\">"
      "{}</script>\n<script>{}</script>\n</body>\n</html>\n",
      Data(scene), kScript);
  return out;
}

}  // namespace v2p::cli
