// What a hashing worker starts with. The page sends its own compiled program and the address of the script that
// goes with it; the program finds that it has no document, and hashes.
addEventListener(
  'message',
  async ({ data: { glue, module } }) => {
    try {
      const { default: start } = await import(glue);
      await start({ module_or_path: module });
    } catch (error) {
      // As an error event of the worker, the page hears of it.
      reportError(error);
    }
  },
  { once: true },
);
addEventListener('messageerror', () => reportError(new Error('a message of the page could not be read')));
