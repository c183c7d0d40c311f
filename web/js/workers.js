// The one place that starts workers. Under `require-trusted-types-for 'script'` a worker's URL has to come from a
// policy; ours lets exactly one file pass.

const policy = globalThis.trustedTypes?.createPolicy('weighbridge', {
  createScriptURL(url) {
    if (url !== workerUrl()) throw new TypeError(`not the hashing worker: ${url}`);
    return url;
  },
});

/** At the root of the build, three folders above this module, wherever the registry is mounted. */
function workerUrl() {
  return new URL('../../../worker.js', import.meta.url).href;
}

/** Starts a worker with the page's own program: its compiled `module` and the script that goes with it. */
export function startWorker(module) {
  const url = workerUrl();
  const worker = new Worker(policy ? policy.createScriptURL(url) : url, { type: 'module' });
  const glue = document.querySelector('link[rel=modulepreload]').href;
  worker.postMessage({ glue, module });
  return worker;
}
