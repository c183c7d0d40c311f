// Compiles and instantiates every wasm file named on the command line, with functions that do nothing for its
// imports. A module that a browser would refuse, or that wants anything but what wasm-bindgen's glue and our own
// scripts give, ends this with an error. Takes paths; prints a line for each.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

// The glue is named after the module, before Trunk put a hash into the file's name. Our scripts lie in snippets.
const glue = (file) => `./${basename(file, "_bg.wasm").replace(/-[0-9a-f]{15,16}$/, "")}_bg.js`;
const expected = (file, from) => from === glue(file) || from.startsWith("./snippets/weighbridge-");

const stand_in = {
  function: () => () => undefined,
  memory: () => new WebAssembly.Memory({ initial: 64 }),
  table: () => new WebAssembly.Table({ initial: 128, element: "externref" }),
};

async function check(file) {
  const module = await WebAssembly.compile(await readFile(file));
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (!expected(file, from)) {
      throw new Error(`imports ${name} from "${from}", which is neither its glue nor a script of ours`);
    }
    if (!(kind in stand_in)) {
      throw new Error(`imports the ${kind} ${name}, which not every browser can give`);
    }
    (imports[from] ??= {})[name] = stand_in[kind]();
  }
  await WebAssembly.instantiate(module, imports);
  const count = Object.values(imports).reduce((sum, names) => sum + Object.keys(names).length, 0);
  console.log(`   ${basename(file)} loads; it imports ${count} functions of its own glue and scripts`);
}

for (const file of process.argv.slice(2)) {
  try {
    await check(file);
  } catch (error) {
    console.error(`   ${basename(file)}: ${error.message}`);
    process.exitCode = 1;
  }
}
