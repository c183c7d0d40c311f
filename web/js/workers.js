// The one place that starts workers. Under `require-trusted-types-for 'script'` a worker's URL has to come from a
// policy; ours lets exactly one file pass.

const WORKER = 'verifier_worker_loader.js';

const policy = globalThis.trustedTypes?.createPolicy('weighbridge', {
  createScriptURL(url) {
    if (url !== workerUrl()) throw new TypeError(`not the hashing worker: ${url}`);
    return url;
  },
});

/** At the root of the build, three folders above this module, wherever the registry is mounted. */
function workerUrl() {
  return new URL(`../../../${WORKER}`, import.meta.url).href;
}

export function startWorker() {
  const url = workerUrl();
  return new Worker(policy ? policy.createScriptURL(url) : url, { type: 'module' });
}
