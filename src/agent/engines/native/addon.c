/**
 * The addon: `bind(bytes)` gives the kernels for the memory that `bytes` is a view of, with the arguments of ../kernels/index.ts,
 * and `set` names the instructions they are made of, the widest this processor has. Any number of threads may load it, and bind
 * the same memory. Loading throws where the processor has none of the sets.
 */
#include <node_api.h>

#ifdef __x86_64__
napi_value bind_avx2(napi_env env, napi_callback_info info);
#else
napi_value bind_plain(napi_env env, napi_callback_info info);
#endif

NAPI_MODULE_INIT() {
  napi_callback bind = NULL;
  const char *set = NULL;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    bind = bind_avx2;
    set = "AVX2";
  }
#else
  bind = bind_plain;
  set = "NEON";
#endif
  if (bind == NULL) {
    napi_throw_error(env, NULL, "this processor has no AVX2");
    return NULL;
  }
  napi_value function, name;
  napi_create_function(env, "bind", NAPI_AUTO_LENGTH, bind, NULL, &function);
  napi_set_named_property(env, exports, "bind", function);
  napi_create_string_utf8(env, set, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, exports, "set", name);
  return exports;
}
