#!/usr/bin/env python3
"""Writes the weights of an sb3-contrib RecurrentPPO zip as safetensors, for `jules train --transfer-from`.

usage: sb3-to-safetensors.py model.zip model.safetensors   (needs sb3-contrib and safetensors)
"""
import sys
from safetensors.torch import save_file
from sb3_contrib import RecurrentPPO

state = RecurrentPPO.load(sys.argv[1], device="cpu").policy.state_dict()
save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, sys.argv[2])
