"""The C API's structures and functions, as ctypes sees them.

Fields stand in the order of adafire.h; tests/test_abi.py holds every size and offset against what a C
compiler makes of the header.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int8,
    c_int32,
    c_int64,
    c_size_t,
    c_uint,
    c_uint16,
    c_void_p,
)
from typing import Any

OnProgress = CFUNCTYPE(c_int, c_void_p, c_int64, c_int64)
OnPhase = CFUNCTYPE(c_int, c_void_p, c_char_p, c_double)
OnNote = CFUNCTYPE(None, c_void_p, c_char_p)
OnBoard = CFUNCTYPE(None, c_void_p, c_char_p, c_char_p)

MODEL = c_void_p
DEVICE = c_void_p
TASK = c_void_p

ARRAY_TYPES = ("float32", "uint8", "int8", "int16", "int32")  # enum af_type
KINDS = ("input", "relu", "linear", "maxpool", "output")  # enum af_kind
LINKS = ("none", "process", "xrt", "uart", "fifo")  # enum af_link
TASKS = ("classify", "detect", "segment", "values")  # enum af_task_kind
CLASSIFY, DETECT, SEGMENT, VALUES = range(4)


class ModelInfo(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("channels", c_int),
        ("height", c_int),
        ("width", c_int),
        ("events", c_bool),
        ("iat", c_bool),
        ("timesteps", c_int),
        ("populations", c_int),
        ("projections", c_int),
        ("outputs", c_int),
        ("answer", c_int),
        ("classes", c_int),
        ("facts", c_int),
        ("neurons", c_int64),
        ("synapses", c_int64),
        ("zeros", c_int64),
        ("ann_macs", c_int64),
        ("first_macs", c_int64),
        ("output_size", c_int64),
        ("reserved", c_int64 * 8),
    ]


class PopulationInfo(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("kind", c_uint),
        ("channels", c_int),
        ("height", c_int),
        ("width", c_int),
        ("burst", c_int),
        ("signed_bursts", c_bool),
        ("ratio", c_double),
        ("threshold_min", c_double),
        ("threshold_max", c_double),
        ("fanout_mean", c_int64),
        ("reserved", c_int64 * 8),
    ]


class PopulationValues(Structure):
    _fields_ = [
        ("threshold", POINTER(c_int32)),
        ("scale", POINTER(c_float)),
        ("bias", POINTER(c_int32)),
        ("initial", POINTER(c_int32)),
        ("bias_count", c_int64),
        ("initial_count", c_int64),
        ("unit", c_float),
        ("zero", POINTER(c_float)),
        ("reserved", c_int64 * 6),
    ]


class ProjectionInfo(Structure):
    _fields_ = [
        ("source", c_int),
        ("destination", c_int),
        ("channels", c_int),
        ("map", POINTER(c_int32)),
        ("up", c_int * 2),
        ("pool", c_int * 2),
        ("pool_stride", c_int * 2),
        ("pool_before", c_int * 2),
        ("view", c_int * 2),
        ("groups", c_int),
        ("kernel", c_int * 2),
        ("stride", c_int * 2),
        ("dilation", c_int * 2),
        ("before", c_int * 2),
        ("block", c_int * 3),
        ("at", c_int * 3),
        ("spread", c_int * 2),
        ("shift", c_int),
        ("weight", POINTER(c_int8)),
        ("weights", c_int64),
        ("reserved", c_int64 * 8),
    ]


class BoardInfo(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("summary", c_char_p),
        ("link", c_uint),
        ("runs", c_bool),
        ("flashable", c_bool),
        ("counts_cycles", c_bool),
        ("sends_events", c_bool),
        ("profiles", c_bool),
        ("waveforms", c_bool),
        ("builds", c_bool),
        ("works_ahead", c_bool),
        ("megahertz", c_double),
        ("reserved", c_int64 * 8),
    ]


class DeviceOptions(Structure):
    _fields_ = [
        ("threads", c_int),
        ("build", c_char_p),
        ("waves", c_char_p),
        ("device", c_char_p),
        ("bitstream", c_char_p),
        ("timeout", c_double),
        ("on_cycles", c_void_p),
        ("on_cycles_context", c_void_p),
        ("on_note", OnNote),
        ("on_note_context", c_void_p),
        ("reserved", c_int64 * 8),
    ]


class Sample(Structure):
    _fields_ = [
        ("type", c_uint),
        ("data", c_void_p),
        ("counts", c_void_p),
        ("length", c_int64),
        ("reserved", c_int64 * 4),
    ]


class RunOptions(Structure):
    _fields_ = [
        ("timesteps", c_int),
        ("no_iat", c_bool),
        ("trace", c_bool),
        ("profile", c_bool),
        ("no_counts", c_bool),
        ("keep_state", c_bool),
        ("on_event", c_void_p),
        ("on_event_context", c_void_p),
        ("on_progress", OnProgress),
        ("on_progress_context", c_void_p),
        ("reserved", c_int64 * 8),
    ]


class Span(Structure):
    _fields_ = [
        ("core", c_int),
        ("timestep", c_int),
        ("population", c_int),
        ("begin", c_int64),
        ("fired", c_int64),
        ("end", c_int64),
        ("starved", c_int64),
        ("blocked", c_int64),
    ]


class Waits(Structure):
    _fields_ = [
        ("process", c_char_p),
        ("before", c_bool),
        ("core", c_int),
        ("starved", c_int64),
        ("blocked", c_int64),
    ]


class Profile(Structure):
    _fields_ = [
        ("cores", c_int),
        ("lanes", c_int),
        ("cycles", c_int64),
        ("span_count", c_int),
        ("waits_count", c_int),
        ("span", POINTER(Span)),
        ("waits", POINTER(Waits)),
    ]


class Result(Structure):
    _fields_ = [
        ("timesteps", c_int),
        ("output_size", c_int),
        ("output", c_void_p),
        ("history", c_void_p),
        ("spikes", c_void_p),
        ("events", c_void_p),
        ("sops", c_void_p),
        ("spike_sops", c_void_p),
        ("adds", c_void_p),
        ("cycles", c_int64),
        ("profile", POINTER(Profile)),
        ("reserved", c_int64 * 3),
    ]


class Event(Structure):
    _fields_ = [
        ("sample", c_int64),
        ("timestep", c_int32),
        ("population", c_int32),
        ("neuron", c_int32),
        ("burst", c_int32),
    ]


class Arrays(Structure):
    _fields_ = [
        ("type", c_uint),
        ("data", c_void_p),
        ("counts", c_void_p),
        ("length", c_int64),
        ("count", c_int64),
        ("timesteps", c_void_p),
        ("output", c_void_p),
        ("history", c_void_p),
        ("spikes", c_void_p),
        ("events", c_void_p),
        ("sops", c_void_p),
        ("spike_sops", c_void_p),
        ("adds", c_void_p),
        ("cycles", c_void_p),
        ("profile", POINTER(POINTER(Profile))),
        ("keep_events", c_bool),
        ("event", c_void_p),
        ("event_count", c_int64),
        ("reserved", c_int64 * 8),
    ]


class Energy(Structure):
    _fields_ = [
        ("ann", c_double),
        ("event", c_double),
        ("spike", c_double),
        ("add", c_double),
        ("integer", c_double),
        ("integer_ann", c_double),
        ("integer_memory", c_double),
        ("integer_memory_ann", c_double),
        ("bits", c_int),
        ("reserved", c_int64 * 8),
    ]


class Answer(Structure):
    _fields_ = [("label", c_int), ("probability", c_double)]


class Box(Structure):
    _fields_ = [
        ("x1", c_float),
        ("y1", c_float),
        ("x2", c_float),
        ("y2", c_float),
        ("score", c_float),
        ("label", c_int),
    ]


class SamplesOptions(Structure):
    _fields_ = [
        ("channels", c_int),
        ("height", c_int),
        ("width", c_int),
        ("events", c_bool),
        ("timesteps", c_int),
        ("event_frames", c_int),
        ("resize", c_int),
        ("squash", c_bool),
        ("uncounted", c_bool),
        ("counting", c_char_p),
        ("reserved", c_int64 * 7),
    ]


class SampleInfo(Structure):
    _fields_ = [("name", c_char_p), ("label", c_int), ("reserved", c_int64 * 4)]


class CameraEvent(Structure):
    _fields_ = [("x", c_uint16), ("y", c_uint16), ("polarity", c_uint16), ("t", c_int64)]


class Recording(Structure):
    _fields_ = [("events", c_void_p), ("count", c_int64), ("reserved", c_int64 * 2)]


class ConvertOptions(Structure):
    _fields_ = [
        ("onnx", c_char_p),
        ("onnx_bytes", c_char_p),
        ("onnx_size", c_size_t),
        ("calib", POINTER(c_char_p)),
        ("calib_count", c_int),
        ("samples", POINTER(Sample)),
        ("sample_count", c_int64),
        ("labels", c_char_p),
        ("sample_labels", c_void_p),
        ("calib_limit", c_int64),
        ("exit_limit", c_int64),
        ("exit_recordings", c_char_p),
        ("scale", c_double),
        ("mean", POINTER(c_float)),
        ("std", POINTER(c_float)),
        ("mean_count", c_int),
        ("std_count", c_int),
        ("bgr", c_bool),
        ("shape", c_int * 3),
        ("resize", c_int),
        ("squash", c_bool),
        ("events", c_bool),
        ("event_frames", c_int),
        ("classes", c_char_p),
        ("task", c_char_p),
        ("answers", c_char_p),
        ("name", c_char_p),
        ("timesteps", c_int),
        ("burst_initial", c_int),
        ("burst_desired", c_int),
        ("burst_min", c_int),
        ("energy_ratio", c_double),
        ("initial", c_double),
        ("effort", c_int),
        ("search", c_bool),
        ("signed_bursts", c_uint),
        ("fit", c_char_p),
        ("ssc_budget", c_double),
        ("ssc_loss", c_double),
        ("bias", c_uint),
        ("nearest", c_bool),
        ("prune", c_double),
        ("iat", c_uint),
        ("iat_a", c_double),
        ("iat_metric", c_uint),
        ("optimize", c_uint),
        ("tolerance", c_double),
        ("search_samples", c_int),
        ("threads", c_int),
        ("on_progress", OnPhase),
        ("on_note", OnNote),
        ("context", c_void_p),
        ("counting", c_char_p),
        ("class_names", POINTER(c_char_p)),
        ("class_count", c_int64),
        ("exit_in_memory", POINTER(Recording)),
        ("exit_in_memory_count", c_int64),
        ("reserved", c_int64 * 11),
    ]


class Conversion(Structure):
    _fields_ = [
        ("samples", c_int64),
        ("agreement", c_double),
        ("accuracy", c_double),
        ("ann_accuracy", c_double),
        ("timesteps_mean", c_double),
        ("expected_loss", c_double),
        ("exit_sops", c_double),
        ("exit_spike_sops", c_double),
        ("exit_adds", c_double),
        ("judges", c_int64),
        ("plain_divergence", c_double),
        ("divergence", c_double),
        ("populations", c_int),
        ("spikes", POINTER(c_double)),
        ("events", POINTER(c_double)),
        ("sops", POINTER(c_double)),
        ("spike_sops", POINTER(c_double)),
        ("adds", POINTER(c_double)),
        ("sensitivity", POINTER(c_double)),
        ("reserved", c_int64 * 8),
    ]


class Report(Structure):
    _fields_ = [
        ("board", c_char_p),
        ("samples", c_int64),
        ("timesteps", c_int),
        ("iat", c_bool),
        ("seconds", c_double),
        ("exits", c_void_p),
        ("accuracy", c_double),
        ("top5", c_double),
        ("agreement", c_double),
        ("accuracy_at", c_void_p),
        ("agreement_at", c_void_p),
        ("ignored", c_double),
        ("spikes", c_void_p),
        ("events", c_void_p),
        ("sops", c_void_p),
        ("spike_sops", c_void_p),
        ("adds", c_void_p),
        ("task", c_uint),
        ("mean", c_double),
        ("ann_mean", c_double),
        ("pixels", c_double),
        ("ann_pixels", c_double),
        ("error", c_double),
        ("ann_error", c_double),
        ("recall", c_double),
        ("precision", c_double),
        ("distance", c_double),
        ("raster", c_void_p),
        ("raster_count", c_int64),
        ("raster_name", c_char_p),
        ("profile", POINTER(Profile)),
        ("reserved", c_int64 * 8),
    ]


STRUCTURES: dict[str, type[Structure]] = {
    "af_model_info": ModelInfo,
    "af_population_info": PopulationInfo,
    "af_population_values": PopulationValues,
    "af_projection_info": ProjectionInfo,
    "af_board_info": BoardInfo,
    "af_device_options": DeviceOptions,
    "af_sample": Sample,
    "af_run_options": RunOptions,
    "af_span": Span,
    "af_waits": Waits,
    "af_profile": Profile,
    "af_result": Result,
    "af_event": Event,
    "af_arrays": Arrays,
    "af_energy": Energy,
    "af_answer": Answer,
    "af_box": Box,
    "af_samples_options": SamplesOptions,
    "af_sample_info": SampleInfo,
    "af_camera_event": CameraEvent,
    "af_recording": Recording,
    "af_convert_options": ConvertOptions,
    "af_conversion": Conversion,
    "af_report": Report,
}

_P = ctypes.POINTER
_OUT = POINTER(c_void_p)

# What each function takes and returns; all that return int return an af_status.
RUN_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "af_version": (c_char_p, []),
    "af_version_number": (c_int, []),
    "af_error": (c_char_p, []),
    "af_free": (None, [c_void_p]),
    "af_model_load": (c_int, [c_char_p, _OUT]),
    "af_model_parse": (c_int, [c_char_p, c_char_p, c_size_t, _OUT]),
    "af_model_save": (c_int, [MODEL, c_char_p]),
    "af_model_bytes": (c_int, [MODEL, _OUT, POINTER(c_size_t)]),
    "af_model_free": (None, [MODEL]),
    "af_model_info": (c_int, [MODEL, _P(ModelInfo)]),
    "af_population_info": (c_int, [MODEL, c_int, _P(PopulationInfo)]),
    "af_population_values": (c_int, [MODEL, c_int, _P(PopulationValues)]),
    "af_projection_info": (c_int, [MODEL, c_int, _P(ProjectionInfo)]),
    "af_class_name": (c_char_p, [MODEL, c_int]),
    "af_model_fact": (c_int, [MODEL, c_int, _P(c_char_p), _P(c_char_p)]),
    "af_board_count": (c_int, []),
    "af_board_info": (c_int, [c_int, _P(BoardInfo)]),
    "af_boards_attached": (c_int, [OnBoard, c_void_p]),
    "af_device_open": (c_int, [c_char_p, _P(DeviceOptions), MODEL, _OUT]),
    "af_device_close": (None, [DEVICE]),
    "af_device_megahertz": (c_double, [DEVICE]),
    "af_run_arrays": (c_int, [DEVICE, _P(Arrays), _P(RunOptions)]),
    "af_arrays_check": (c_int, [MODEL, _P(Arrays), OnNote, c_void_p]),
    "af_profile_free": (None, [_P(Profile)]),
    "af_energy_of": (c_int, [MODEL, c_double, c_void_p, c_void_p, c_void_p, c_void_p, _P(Energy)]),
    "af_task_open": (c_int, [MODEL, c_char_p, _OUT]),
    "af_task_close": (None, [TASK]),
    "af_task_kind": (c_int, [TASK]),
    "af_task_classes": (c_int, [TASK]),
    "af_answers": (c_int, [TASK, _P(Result), c_int, _P(Answer)]),
    "af_boxes": (c_int64, [TASK, _P(Result), _P(_P(Box))]),
    "af_class_map": (c_int, [TASK, _P(Result), _P(_P(c_uint16)), _P(c_int), _P(c_int)]),
    "af_overlap": (c_double, [_P(Box), _P(Box)]),
    "af_boxes_matched": (c_int64, [c_void_p, c_int64, c_void_p, c_int64]),
    "af_score_open": (c_int, [TASK, _OUT]),
    "af_score_boxes": (c_int, [c_void_p, c_void_p, c_int64, c_void_p, c_int64]),
    "af_score_map": (c_int, [c_void_p, c_void_p, c_void_p, c_int, c_int]),
    "af_score_finish": (c_int, [c_void_p, _P(c_double), _P(c_double), c_void_p]),
    "af_score_close": (None, [c_void_p]),
}

CONVERT_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "af_samples_of": (c_int, [MODEL, _P(SamplesOptions)]),
    "af_samples_open": (c_int, [_P(c_char_p), c_int, _P(SamplesOptions), _OUT]),
    "af_samples_close": (None, [c_void_p]),
    "af_samples_count": (c_int64, [c_void_p]),
    "af_samples_next": (c_int, [c_void_p, _P(Sample), _P(SampleInfo)]),
    "af_samples_recording": (c_int, [c_void_p, _P(Recording)]),
    "af_labels_read": (c_int, [c_char_p, _P(_P(c_int64)), _P(c_int64)]),
    "af_recording_counts": (c_int, [_P(SamplesOptions), _P(Recording), c_void_p]),
    "af_convert_defaults": (None, [_P(ConvertOptions)]),
    "af_network_shape": (c_int, [_P(ConvertOptions), _P(c_int)]),
    "af_convert": (c_int, [_P(ConvertOptions), _OUT, _P(Conversion)]),
    "af_outline": (c_int, [_P(ConvertOptions), _OUT]),
    "af_conversion_free": (None, [_P(Conversion)]),
    "af_ann_outputs": (c_int, [_P(ConvertOptions), _OUT, _P(c_int64), _P(c_int64)]),
    "af_report_defaults": (None, [_P(Report)]),
    "af_report_write": (c_int, [MODEL, _P(Report), c_char_p]),
    "af_report_text": (c_int, [MODEL, _P(Report), _OUT]),
}
