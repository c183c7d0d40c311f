// Files of pickers and drops, as pairs of [path, File]. Paths have no leading slash and are in Unicode form NFC,
// which some file systems do not keep and every record has.

/** Pairs of an <input type=file>. Only a folder picker fills `webkitRelativePath`. */
export function filesOfList(list) {
  return Array.from(list, (file) => pair(file.webkitRelativePath || file.name, file));
}

/** Pairs of a drop, folders walked. The items are taken before the first await: they die with the event. */
export async function filesOfDrop(transfer) {
  const roots = Array.from(transfer.items)
    .filter((item) => item.kind === 'file')
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
    .filter(Boolean);
  const pairs = [];
  const waiting = roots.reverse();
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (next instanceof File) {
      pairs.push(pair(next.webkitRelativePath || next.name, next));
    } else if (next.isDirectory) {
      waiting.push(...(await childrenOf(next)).reverse());
    } else {
      pairs.push(pair(next.fullPath.replace(/^\/+/, ''), await fileOf(next)));
    }
  }
  return pairs;
}

function pair(path, file) {
  return [path.normalize('NFC'), file];
}

function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, (error) => reject(named(entry, error))));
}

/** `readEntries` answers in batches, 100 at a time in Chromium; an empty batch is the end. */
async function childrenOf(folder) {
  const reader = folder.createReader();
  const children = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) =>
      reader.readEntries(resolve, (error) => reject(named(folder, error))),
    );
    if (batch.length === 0) return children;
    children.push(...batch);
  }
}

function named(entry, error) {
  return new Error(`${entry.fullPath}: ${error.message}`);
}
