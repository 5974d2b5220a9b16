/** The kernels as functions of Node, for one set of instructions. Nothing is kept between calls. */
#include <node_api.h>

#include "elementwise.h"

#define MOST 13

/** A call's arguments, and the memory that its addresses count from. */
typedef struct {
  char *memory;
  double at[MOST];
} Call;

static Call call_of(napi_env env, napi_callback_info info) {
  Call call = {0};
  napi_value values[MOST];
  size_t count = MOST;
  void *memory;
  napi_get_cb_info(env, info, &count, values, NULL, &memory);
  call.memory = memory;
  for (size_t n = 0; n < count && n < MOST; n++) napi_get_value_double(env, values[n], &call.at[n]);
  return call;
}

#define BYTES(n) (call.memory + (size_t)call.at[n])
#define FLOATS(n) ((float *)BYTES(n))
#define FLAGS(n) ((uint8_t *)BYTES(n))
#define INT(n) ((int)call.at[n])
#define SIZE(n) ((size_t)call.at[n])
#define SINGLE(n) ((float)call.at[n])

#define KERNEL(name, what)                                            \
  static napi_value name(napi_env env, napi_callback_info info) {     \
    const Call call = call_of(env, info);                             \
    what;                                                             \
    return NULL;                                                      \
  }

KERNEL(call_gemm, gemm(INT(0), INT(1), INT(2), (Left){BYTES(3), SIZE(4), SIZE(5)}, (Right){BYTES(6), SIZE(7), SIZE(8)},
                       BYTES(9), SIZE(10), INT(11), BYTES(12)))
KERNEL(call_pack_transposed, pack_transposed(BYTES(0), INT(1), INT(2), SIZE(3), BYTES(4), SIZE(5)))
KERNEL(call_pack, pack(BYTES(0), INT(1), INT(2), SIZE(3), BYTES(4), SIZE(5)))
KERNEL(call_sum_rows, sum_rows(FLOATS(0), INT(1), INT(2), FLOATS(3)))
KERNEL(call_tanh_forward, tanh_forward(FLOATS(0), INT(1)))
KERNEL(call_tanh_backward, tanh_backward(FLOATS(0), FLOATS(1), INT(2)))
KERNEL(call_relu_forward, relu_forward(FLOATS(0), INT(1)))
KERNEL(call_relu_backward, relu_backward(FLOATS(0), FLOATS(1), INT(2)))
KERNEL(call_lstm_forward,
       lstm_forward(FLOATS(0), FLOATS(1), FLOATS(2), FLOATS(3), FLOATS(4), INT(5), INT(6)))
KERNEL(call_lstm_backward,
       lstm_backward(FLOATS(0), FLOATS(1), FLOATS(2), FLOATS(3), FLOATS(4), INT(5), INT(6), FLAGS(7)))
KERNEL(call_adam, adam(FLOATS(0), FLOATS(1), FLOATS(2), FLOATS(3), INT(4),
                       (Adam){SINGLE(5), SINGLE(6), SINGLE(7), SINGLE(8), SINGLE(9), SINGLE(10)}))

static napi_value call_sum_squares(napi_env env, napi_callback_info info) {
  const Call call = call_of(env, info);
  napi_value sum;
  napi_create_double(env, sum_squares(FLOATS(0), INT(1)), &sum);
  return sum;
}

static const struct {
  const char *name;
  napi_callback call;
} KERNELS[] = {
    {"gemm", call_gemm},
    {"packTransposed", call_pack_transposed},
    {"pack", call_pack},
    {"sumRows", call_sum_rows},
    {"tanhForward", call_tanh_forward},
    {"tanhBackward", call_tanh_backward},
    {"reluForward", call_relu_forward},
    {"reluBackward", call_relu_backward},
    {"lstmForward", call_lstm_forward},
    {"lstmBackward", call_lstm_backward},
    {"sumSquares", call_sum_squares},
    {"adam", call_adam},
};

/** See addon.c. */
napi_value bind(napi_env env, napi_callback_info info);

napi_value bind(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value bytes, kernels;
  void *memory;
  if (napi_get_cb_info(env, info, &count, &bytes, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, bytes, NULL, NULL, &memory, NULL, NULL) != napi_ok) {
    napi_throw_type_error(env, NULL, "bind: expected a view of the memory");
    return NULL;
  }
  napi_create_object(env, &kernels);
  for (size_t n = 0; n < sizeof KERNELS / sizeof *KERNELS; n++) {
    napi_value kernel;
    napi_create_function(env, KERNELS[n].name, NAPI_AUTO_LENGTH, KERNELS[n].call, memory, &kernel);
    napi_set_named_property(env, kernels, KERNELS[n].name, kernel);
  }
  return kernels;
}
